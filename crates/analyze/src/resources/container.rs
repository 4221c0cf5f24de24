//! Containers, recognised by the paths that their runtimes give to cgroups.

/// Characters of a container's name that a report shows.
const MAX_NAME: usize = 64;

/// The container that `path` lies in, the innermost one: `docker:4f1c8a...` (12 digits as the
/// runtimes print them), `lxc:web`, `nspawn:deb12`. None: no path of a known runtime.
pub(crate) fn container(path: &str) -> Option<String> {
    let mut found = None;
    let mut runtime_above = "container";
    let mut before = "";
    for component in path.split('/').filter(|part| !part.is_empty()) {
        match component {
            "docker" => runtime_above = "docker",
            "libpod_parent" => runtime_above = "podman",
            _ if component.starts_with("kubepods") => runtime_above = "kubernetes",
            _ => {}
        }
        if let Some((runtime, name)) = named(component, before, runtime_above) {
            found = Some(format!("{runtime}:{name}"));
        }
        before = component;
    }
    found
}

fn named<'a>(
    component: &'a str,
    before: &str,
    runtime_above: &'a str,
) -> Option<(&'a str, String)> {
    let scope = component.strip_suffix(".scope");
    let stem = scope.unwrap_or(component);
    for (prefix, runtime) in [
        ("docker-", "docker"),
        ("cri-containerd-", "containerd"),
        ("nerdctl-", "containerd"),
        ("crio-", "crio"),
        ("libpod-", "podman"),
    ] {
        if let Some(id) = stem.strip_prefix(prefix).and_then(short_id) {
            return Some((runtime, id));
        }
    }
    if let Some(id) = short_id(stem) {
        return Some((runtime_above, id));
    }
    if let Some(name) = component.strip_prefix("lxc.payload.") {
        return Some(("lxc", bounded(name)));
    }
    if matches!(before, "lxc.payload" | "lxc") {
        return Some(("lxc", bounded(component)));
    }
    if before == "machine.slice" {
        if let Some(name) = scope.and_then(|scope| scope.strip_prefix("machine-")) {
            return Some(("machine", bounded(&unescape(name))));
        }
        let service = component.strip_suffix(".service");
        if let Some(name) = service.and_then(|service| service.strip_prefix("systemd-nspawn@")) {
            return Some(("nspawn", bounded(&unescape(name))));
        }
    }
    None
}

/// The first 12 of the 64 digits of an id.
fn short_id(text: &str) -> Option<String> {
    let is_id =
        text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then(|| text.chars().take(12).collect())
}

fn bounded(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// `\x2d` is a dash in the name of a unit (`systemd-escape(1)`); other escapes are left alone.
fn unescape(name: &str) -> String {
    name.replace("\\x2d", "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_told_by_their_paths() {
        let id = "4f1c8a0b2d3e".to_owned() + &"0123456789abc".repeat(4);
        assert_eq!(id.len(), 64);
        for (path, name) in [
            (format!("/system.slice/docker-{id}.scope"), "docker:4f1c8a0b2d3e"),
            (format!("/docker/{id}"), "docker:4f1c8a0b2d3e"),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{id}.scope"
                ),
                "containerd:4f1c8a0b2d3e",
            ),
            (format!("/kubepods/burstable/pod1/{id}"), "kubernetes:4f1c8a0b2d3e"),
            (format!("/kubepods.slice/crio-{id}.scope"), "crio:4f1c8a0b2d3e"),
            (format!("/machine.slice/libpod-{id}.scope/container"), "podman:4f1c8a0b2d3e"),
            ("/lxc.payload.web/system.slice/a.service".to_owned(), "lxc:web"),
            ("/lxc/web".to_owned(), "lxc:web"),
            ("/machine.slice/machine-deb\\x2d12.scope/payload".to_owned(), "machine:deb-12"),
            ("/machine.slice/systemd-nspawn@deb12.service/payload".to_owned(), "nspawn:deb12"),
            (
                format!(
                    "/machine.slice/systemd-nspawn@deb12.service/payload/system.slice/docker-{id}.scope"
                ),
                "docker:4f1c8a0b2d3e",
            ),
        ] {
            assert_eq!(container(&path).as_deref(), Some(name), "{path}");
        }
    }

    #[test]
    fn others_are_none() {
        let id = "4f".repeat(32);
        for path in [
            "/system.slice/docker.service".to_owned(),
            "/lxc.monitor.web".to_owned(),
            format!("/machine.slice/libpod-conmon-{id}.scope"),
            "/system.slice/docker-4f1c.scope".to_owned(),
            String::new(),
        ] {
            assert_eq!(container(&path), None, "{path}");
        }
    }
}
