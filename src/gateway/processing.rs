//! Processing: from a submission to what policy wants done with it. Bytes and
//! policy in, copies out; it asks no clock and touches no disk, so it runs in
//! place or in a pool.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use crate::{
    authenticate::Authentication,
    classify::{Classification, Input},
    config::Node,
    content::Content,
    decide::decide,
    mail::{
        Address, Arrival, Decision, DelayNotice, Disposition, EnhancedStatusCode, Facts, Finding,
        Hold, MessageFacts, NextHop, Obligation, Protection, QueueId, QueuedMessage,
        QueuedRecipient, RecipientState, Refusal, Reply, Submission, Timestamp,
    },
    policy::Policy,
    transform::{self, Edits, Signers},
};
