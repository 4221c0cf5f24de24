//! The catalogue of messages known to be bad, and what becomes of them.

#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod fold;
#[cfg(test)]
mod support;
