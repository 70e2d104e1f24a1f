//! For tests: ports behind which nothing is and nothing happens.

use std::net::IpAddr;

use bytes::Bytes;

use super::{
    Acted, DeskError, HeldMessage, HeldQuery, Partner, PartnerDesk, Pending, PolicyComparison,
    PolicyDesk, PolicyStanding, PolicyVerdict, QuarantineDesk, RequestDesk, RequestPage, Trial,
    TrialDesk, Tried, Which, testing::Quiet,
};
use crate::{
    mail::{Actor, HeldAct, HeldPage, QueueId, RequestKind},
    quarantine::{MessageView, Sight},
};

fn nothing<'a, T: Send + 'a>() -> Pending<'a, T> {
    Box::pin(async { Err(DeskError::Unknown) })
}

impl QuarantineDesk for Quiet {
    fn list<'a>(&'a self, _: &'a Actor, _: &'a HeldQuery) -> Pending<'a, HeldPage> {
        Box::pin(async { Ok(HeldPage::default()) })
    }

    fn message<'a>(&'a self, _: &'a Actor, _: QueueId) -> Pending<'a, HeldMessage> {
        nothing()
    }

    fn view<'a>(&'a self, _: &'a Actor, _: QueueId, _: Sight) -> Pending<'a, MessageView> {
        nothing()
    }

    fn act<'a>(
        &'a self,
        _: &'a Actor,
        _: &'a Which,
        _: &'a HeldAct,
        _: &'a str,
    ) -> Pending<'a, Acted> {
        Box::pin(async { Ok(Acted::default()) })
    }

    fn export<'a>(
        &'a self,
        _: &'a Actor,
        _: QueueId,
        _: &'a str,
        _: &'a str,
    ) -> Pending<'a, Bytes> {
        nothing()
    }
}

impl PolicyDesk for Quiet {
    fn standing(&self) -> Pending<'_, PolicyStanding> {
        Box::pin(async { Ok(PolicyStanding::default()) })
    }

    fn file<'a>(&'a self, _: &'a str, _: &'a str) -> Pending<'a, String> {
        nothing()
    }

    fn comparison<'a>(&'a self, _: &'a str) -> Pending<'a, PolicyComparison> {
        nothing()
    }

    fn judge<'a>(
        &'a self,
        _: &'a Actor,
        _: &'a str,
        _: PolicyVerdict,
        _: &'a str,
    ) -> Pending<'a, String> {
        nothing()
    }
}

impl PartnerDesk for Quiet {
    fn board(&self) -> Vec<Partner> {
        Vec::new()
    }
}

impl TrialDesk for Quiet {
    fn try_message<'a>(&'a self, _: &'a Actor, _: Trial) -> Pending<'a, Tried> {
        nothing()
    }
}

impl RequestDesk for Quiet {
    fn page<'a>(&'a self, _: &'a str) -> Pending<'a, RequestPage> {
        nothing()
    }

    fn ask<'a>(
        &'a self,
        _: &'a str,
        _: RequestKind,
        _: &'a str,
        _: Option<IpAddr>,
    ) -> Pending<'a, ()> {
        nothing()
    }
}
