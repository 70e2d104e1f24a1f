//! What would become of a message: judged and rewritten as the gateway does
//! it, and nothing else. No queue knows of it, and no copy is kept.

use std::{net::IpAddr, sync::Arc};

use super::difference::difference;
use crate::{
    config::Config,
    console::{DeskError, Pending, Trial, TrialDesk, Tried, TriedCopy},
    content::{Content, Extract},
    gateway::{
        Fate, Group, Judgement, Workshop, judge,
        policies::Policies,
        queue::now,
        reception::Nobody,
        view::{Viewer, viewed},
        with_crlf,
    },
    mail::{
        Actor, Deed, DeedKind, Envelope, Event, Observer, Origin, Protocol, QueueId, Recipient,
        RecordedOutcome, Submission, Timestamp,
    },
    policy::Policy,
    quarantine::{Judged, MessageView, Sight},
    transform::Signer,
};

pub(in crate::gateway) struct TrialOffice {
    pub(in crate::gateway) config: Arc<Config>,
    pub(in crate::gateway) policies: Arc<Policies>,
    pub(in crate::gateway) signer: Arc<Signer>,
    pub(in crate::gateway) viewer: Viewer,
    pub(in crate::gateway) observer: Arc<dyn Observer>,
}

impl TrialDesk for TrialOffice {
    fn try_message<'a>(&'a self, who: &'a Actor, trial: Trial) -> Pending<'a, Tried> {
        Box::pin(async move {
            self.observer.observe(Event::Done(Deed {
                kind: DeedKind::Tried,
                by: &who.name,
                door: who.door,
                address: None,
                about: None,
                words: None,
            }));
            let policy = self.policies.for_sender(&trial.reverse_path).policy;
            let (config, signer) = (Arc::clone(&self.config), Arc::clone(&self.signer));
            let content = with_crlf(trial.content.to_vec());
            let submission = submission(trial, content.clone());
            let tried = move |content, extract: &Extract| {
                let bench = Bench { config: &config, signer: &signer, policy: &policy, at: now() };
                bench.tried(&submission, content, extract)
            };
            let read = self.viewer.read(content, tried).await;
            read.map_err(|unseen| DeskError::Refused(unseen.to_string()))?
        })
    }
}

fn submission(trial: Trial, content: bytes::Bytes) -> Submission {
    let Trial { reverse_path, recipients, direction, .. } = trial;
    let envelope = Envelope {
        reverse_path,
        recipients: recipients.into_iter().map(Recipient::from).collect(),
        body: Default::default(),
        encoding: Default::default(),
        requests: Default::default(),
    };
    let origin = Origin {
        listener: "console".to_owned(),
        direction,
        client: IpAddr::from([127, 0, 0, 1]),
        helo: "localhost".to_owned(),
        protocol: Protocol::Esmtp,
        tls: None,
        authenticated: None,
        certified: None,
        forwarded: None,
    };
    Submission { envelope, content, origin }
}

/// What a message is judged and rewritten with.
struct Bench<'a> {
    config: &'a Config,
    signer: &'a Signer,
    policy: &'a Policy,
    at: Timestamp,
}

impl Bench<'_> {
    fn tried(
        &self,
        submission: &Submission,
        content: Content,
        extract: &Extract,
    ) -> Result<Tried, DeskError> {
        let judgement = judge(self.policy, submission, content, extract, None, self.at);
        let (refused, copies) = match judgement.fate() {
            Fate::Refused { reply, .. } => (Some(reply.to_string()), Vec::new()),
            Fate::Taken(groups) => {
                let copies = groups.iter().map(|group| self.copy(submission, &judgement, group));
                (None, copies.collect::<Result<_, _>>()?)
            }
        };
        let outcomes = judgement.decisions.iter();
        Ok(Tried {
            policy: self.policy.version().to_owned(),
            level: judgement.classification.level,
            level_name: self.policy.level_name(judgement.classification.level).to_owned(),
            why: judgement.classification.why.iter().map(ToString::to_string).collect(),
            findings: judgement.findings().take(MOST_FINDINGS).cloned().collect(),
            opaque: judgement.classification.opaque.clone(),
            outcomes: outcomes
                .map(|(recipient, decision)| RecordedOutcome::of(recipient, decision))
                .collect(),
            refused,
            view: self.view(&judgement, extract),
            copies,
        })
    }

    /// What stands in it was found already.
    fn view(&self, judgement: &Judgement, extract: &Extract) -> MessageView {
        let Judgement { content, classification, .. } = judgement;
        let judged = Judged { content, extract, classification, left_out: &[] };
        MessageView::of(judged, Sight::Revealed)
    }

    fn copy(
        &self,
        submission: &Submission,
        judgement: &Judgement,
        group: &Group,
    ) -> Result<TriedCopy, DeskError> {
        let id = QueueId::at(self.at.unix_milliseconds(), 0);
        let workshop = Workshop {
            node: &self.config.node,
            policy: self.policy,
            signer: self.signer,
            now: self.at,
            id,
            submission,
            authentication: None,
            judgement,
            marking: None,
        };
        let rewritten =
            workshop.copy(id, group).map_err(|error| DeskError::Failed(error.to_string()))?;
        let message = rewritten.message();
        let content = Content::parse(bytes::Bytes::copy_from_slice(message));
        // Its documents are those of the original, which were read there.
        let extract = content.open().read(&mut Nobody);
        let mut view = viewed(self.policy, &content, &extract, Sight::Revealed);
        view.parts.retain(|part| !part.text.is_empty());
        Ok(TriedCopy {
            recipients: group.recipients.iter().map(|(address, _)| address.clone()).collect(),
            disposition: group.treatment.disposition.to_string(),
            view,
            difference: difference(&submission.content, message),
        })
    }
}

/// Law 7.
const MOST_FINDINGS: usize = 500;
