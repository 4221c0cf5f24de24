//! The D-Bus client against a real server of another implementation, and against peers that
//! misbehave in every way we could think of.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]
#![expect(clippy::unused_self, reason = "the interface macro wants methods")]

mod hostile;
mod peer;
mod served;
