//! The real binary, on the machine that tests run on.

#[cfg(test)]
mod config;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod run;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod usage;
