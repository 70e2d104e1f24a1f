//! Approving or refusing what others have proposed. Each proposal is read
//! first and shown, and the answer names it: what is proposed in its place
//! meanwhile is not meant.

use super::{Held, WhichArguments, show};
use crate::{
    cli::exit::Failure,
    console::{Acted, HeldQuery, Which},
    gateway::{QuarantineAnswer, QuarantineRequest},
    mail::{HeldAct, HeldEntry, HeldFilter, HeldOrder, Timestamp},
};

impl Held<'_> {
    /// Nothing is done unless all that are meant could be read.
    pub(super) fn answer(
        &self,
        which: WhichArguments,
        act: impl Fn(Timestamp) -> HeldAct,
    ) -> Result<(), Failure> {
        let (which, reason) = self.meant(which)?;
        let mut acted = Acted::default();
        for entry in self.entries(which)? {
            let Some(proposal) = &entry.proposal else {
                acted.refusals += 1;
                acted.refused.push((entry.id, "nothing is proposed for it".to_owned()));
                continue;
            };
            if !self.json {
                show::proposal(&mut std::io::stdout().lock(), &entry, proposal)?;
            }
            let (which, reason) = (Which::These(vec![entry.id]), reason.clone());
            let request = QuarantineRequest::Act { which, act: act(proposal.at), reason };
            if let QuarantineAnswer::Acted(one) = self.ask_telling(request, |_, _| ())? {
                acted.done += one.done;
                acted.proposed += one.proposed;
                acted.refusals += one.refusals;
                acted.refused.extend(one.refused);
            }
        }
        self.told(QuarantineAnswer::Acted(acted))
    }

    fn entries(&self, which: Which) -> Result<Vec<HeldEntry>, Failure> {
        match which {
            Which::These(ids) => ids
                .into_iter()
                .map(|id| match self.ask(QuarantineRequest::Show { id })? {
                    QuarantineAnswer::Held { entry, .. } => Ok(*entry),
                    _ => Err(Failure::negative(format!("the gateway said nothing of {id}"))),
                })
                .collect(),
            Which::All(filter) => self.all(&filter),
        }
    }

    fn all(&self, filter: &HeldFilter) -> Result<Vec<HeldEntry>, Failure> {
        let mut entries = Vec::new();
        loop {
            let request = QuarantineRequest::List {
                filter: filter.clone(),
                order: HeldOrder::Oldest,
                offset: entries.len(),
                limit: HeldQuery::LONGEST,
            };
            let QuarantineAnswer::Page(page) = self.ask(request)? else {
                return Err(Failure::negative("the gateway did not say what is held"));
            };
            if page.entries.is_empty() {
                return Ok(entries);
            }
            entries.extend(page.entries);
        }
    }
}
