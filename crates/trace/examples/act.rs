//! Ends in the way it is told: what the tests of the tracer run. `act HOW [ARGUMENT...]`

use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};
use std::{env, fs, thread};

use rustix::process::{Pid, Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use rustix::thread::{SecureComputingMode, set_secure_computing_mode};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["exit", status] => exit(status.parse()?),
        ["signal", pid, number] => {
            let _ = setrlimit(Resource::Core, Rlimit { current: None, maximum: None });
            let pid = match pid.parse()? {
                0 => getpid(),
                pid => Pid::from_raw(pid).ok_or("no process id")?,
            };
            let signal = Signal::from_named_raw(number.parse()?).ok_or("no signal")?;
            Ok(kill_process(pid, signal)?)
        }
        // Seven more threads, and all end at once.
        ["group", status] => {
            for _ in 0..7 {
                thread::spawn(|| {
                    loop {
                        thread::park();
                    }
                });
            }
            exit(status.parse()?)
        }
        // The first thread is ended by the kernel, alone; then another ends the process.
        ["leader-first", status] => {
            let status = status.parse()?;
            thread::spawn(move || {
                let stat = format!("/proc/self/task/{}/stat", getpid().as_raw_nonzero());
                while !fs::read_to_string(&stat).is_ok_and(|text| text.contains(") Z ")) {
                    thread::yield_now();
                }
                exit(status)
            });
            set_secure_computing_mode(SecureComputingMode::Strict)?;
            // No system call but four is allowed.
            thread::park();
            Ok(())
        }
        ["exec-in-thread", program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments);
            let error = thread::spawn(move || command.exec()).join();
            Err(error.map_err(|_| "panicked")?.into())
        }
        ["join", group, program] => {
            fs::write(format!("{group}/cgroup.procs"), "0")?;
            Err(Command::new(program).exec().into())
        }
        _ => Err("what?".into()),
    }
}
