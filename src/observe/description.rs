//! What each metric is, for the manual: asked of the collectors themselves, so
//! that none is left out and none is told wrongly.

use prometheus::{core::Collector, proto::MetricType};

/// A metric as operators know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricDescription {
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What it tells, in a sentence.
    pub help: String,
    pub labels: Vec<String>,
}

impl MetricDescription {
    pub(super) fn all_of(collector: &impl Collector) -> Vec<Self> {
        let kind = collector.collect().first().map(|family| kind(family.get_field_type()));
        let described = collector.desc().into_iter().map(|metric| Self {
            name: metric.fq_name.clone(),
            kind: kind.unwrap_or("untyped"),
            help: metric.help.clone(),
            labels: metric.variable_labels.clone(),
        });
        described.collect()
    }
}

fn kind(of: MetricType) -> &'static str {
    match of {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
    }
}
