//! What of the disk goes into a snapshot: all names, and everything about one unit, for its page.

use sysdiag_model::snapshot::{UnitFiles, UnitOnDisk};
use sysdiag_model::{Gap, Probe, UnitName};

use super::{Listing, SearchPath, declarations, state};
use crate::Root;
use crate::mask::{mask_args, mask_text};

/// Never kept: what programs are given in secret often travels here.
const SECRET: [&str; 4] =
    ["Environment", "PassEnvironment", "SetCredential", "SetCredentialEncrypted"];
/// The most assignments that are kept, and the most bytes of one.
const MAX_KEPT: usize = 1000;
const MAX_VALUE: usize = 4096;

/// The names in the search path, and the unit `asked` for; the listing for more questions.
pub fn collect(
    root: &Root,
    path: &SearchPath,
    asked: Option<&UnitName>,
) -> (Listing, Probe<UnitFiles>) {
    let (listing, mut gaps) = Listing::read(root, path);
    let mut files = UnitFiles {
        search_path: path.directories().to_vec(),
        names: listing.names().map(UnitName::new).collect(),
        aliases: listing.aliases(),
        asked: None,
    };
    if let Some(asked) = asked {
        let (unit, more) = read(root, &listing, asked);
        files.asked = unit;
        gaps.extend(more);
    }
    (listing, Probe::with_gaps(files, gaps))
}

/// The unit that `asked` is a name of, with what its files say and whether it is enabled.
pub fn read(root: &Root, listing: &Listing, asked: &UnitName) -> (Option<UnitOnDisk>, Vec<Gap>) {
    let Some(mut unit) = listing.find(asked) else { return (None, Vec::new()) };
    let fragment = unit.fragment.iter().filter(|it| !it.masked).map(|it| &it.path);
    let paths: Vec<&String> = fragment.chain(&unit.drop_ins).collect();
    let (mut declarations, gaps) = declarations(root, &paths);
    declarations.retain(|it| !SECRET.contains(&it.key.as_str()));
    declarations.truncate(MAX_KEPT);
    for declaration in &mut declarations {
        declaration.value = masked(&declaration.key, &declaration.value);
    }
    unit.declarations = declarations;
    unit.unit_file_state = state::of(listing, &unit);
    (Some(unit), gaps)
}

/// Command lines are masked by their arguments, all else as text.
fn masked(key: &str, value: &str) -> String {
    let text = if key.starts_with("Exec") {
        mask_args(value.split(' ').map(str::to_owned).collect()).join(" ")
    } else {
        value.to_owned()
    };
    let mut text = mask_text(&text).into_owned();
    if let Some((end, _)) = text.char_indices().find(|(index, c)| index + c.len_utf8() > MAX_VALUE)
    {
        text.truncate(end);
        text.push('…');
    }
    text
}
