//! Levels of sensitivity, and the clearance of destinations.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How sensitive a message is, 0 to 4.
///
/// 0 nothing personal; 1 contact details; 2 personal data beyond contact
/// details, or a patient identifier on its own; 3 patient-identifiable
/// clinical information; 4 specially protected, or bulk.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a level is a number from 0 to 4, found {0}")]
pub struct LevelError(u8);

impl Level {
    pub const NOTHING_PERSONAL: Self = Self(0);
    pub const CONTACT_DETAILS: Self = Self(1);
    pub const PERSONAL: Self = Self(2);
    pub const CLINICAL: Self = Self(3);
    pub const SPECIALLY_PROTECTED: Self = Self(4);

    /// All levels, lowest first.
    pub const ALL: [Self; 5] = [Self(0), Self(1), Self(2), Self(3), Self(4)];

    pub const fn number(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Level {
    type Error = LevelError;

    fn try_from(number: u8) -> Result<Self, LevelError> {
        match number {
            0..=4 => Ok(Self(number)),
            _ => Err(LevelError(number)),
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
