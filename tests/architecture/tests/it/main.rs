//! The shape of the workspace.

#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod sources;
