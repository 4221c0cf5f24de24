//! What failed units rest on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UnitName;

/// Dependencies of one failed unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitDependencies {
    /// The failed unit.
    pub unit: UnitName,
    /// What it depends on and is ordered with.
    pub dependencies: Vec<Dependency>,
    /// Problematic units at the end of the chains of requirements: the first causes.
    pub first_causes: Vec<UnitName>,
}

/// One dependency and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// The other unit.
    pub name: UnitName,
    /// Property: `Requires`, `After`, ...
    #[serde(rename = "type")]
    pub edge_type: String,
    /// Absent: the other unit is not loaded, or its state could not be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub load_state: Option<String>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub active_state: Option<String>,
    /// As above.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_state: Option<String>,
    /// Whether this dependency can be why the unit failed.
    pub problematic: bool,
}
