//! Whom the console asks, all together.

use std::sync::Arc;

use super::{PartnerOffice, PolicyOffice, Records, TrialOffice};
use crate::{
    console::{OverviewSource, Ports},
    gateway::{operator::Operator, partners::Partners, view::Viewer},
    reader::Pool,
};

pub(in crate::gateway) fn ports(
    operator: &Operator,
    overview: Arc<dyn OverviewSource>,
    partners: &Arc<Partners>,
    readers: &Pool,
) -> Ports {
    let reports = &operator.reports;
    let quarantine = Arc::new(operator.quarantine.clone());
    let records = Arc::new(Records::new(operator));
    Ports {
        observer: Arc::clone(&operator.observer),
        overview,
        quarantine: Arc::clone(&quarantine) as _,
        requests: quarantine,
        policy: Arc::new(PolicyOffice {
            going_live: Arc::clone(&operator.going_live),
            trail: operator.trail.folder.clone(),
        }),
        partners: Arc::new(PartnerOffice(Arc::clone(partners))),
        trace: Arc::clone(&records) as _,
        audit: records,
        trials: Arc::new(TrialOffice {
            config: Arc::clone(&reports.config),
            policies: Arc::clone(&reports.policies),
            signer: Arc::clone(&reports.signer),
            viewer: Viewer::new(Arc::clone(&reports.policies), readers.clone()),
            observer: Arc::clone(&operator.observer),
        }),
    }
}
