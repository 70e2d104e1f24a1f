//! Compiling: from the officers' files to a policy that can be asked, with
//! all that is wrong or doubtful in them.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
    sync::Arc,
};

use jiff::civil::Date;

use crate::{
    classify::{Classification, Classifier, Found, Input, TestRange},
    content::Reading,
    mail::{Address, Domain, Level, MessageFacts},
};

use super::{
    classification::{self, ClassificationFiles},
    deadlines::Deadlines,
    diagnostics::{Diagnostics, Severity, SourceFile},
    disclaimers::{self, TagLine, TagLines},
    domains::{self, Destination, Domains},
    due,
    idle::Places,
    index::RuleIndex,
    nearest::{did_you_mean, nearest},
    organisation::{self, Organisation},
    pattern::DomainPattern,
    rule::{Exemption, Rule},
    rules::{self, RuleContext, Written},
    settings::{self, Invariant, Rollout, Settings},
    sources::Sources,
    written::{Fault, Faults},
};

/// What the files alone do not say.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The day for which the policy is compiled: what is effective, expired
    /// or due for review follows from it.
    pub today: Date,
    /// The domains whose mailboxes stand behind this gateway.
    pub local_domains: &'a [Domain],
    /// Instead of what classification.toml says: officers' cases and the demo
    /// count the numbers of the test range.
    pub test_range: Option<TestRange>,
}

/// The officers' files, checked and compiled. Immutable: a new version is a
/// new value, swapped whole.
#[derive(Clone)]
pub struct Policy {
    version: String,
    commit: Option<String>,
    deadlines: Deadlines,
    settings: Settings,
    domains: Domains,
    disclaimers: TagLines,
    organisations: Vec<Arc<Organisation>>,
    /// The narrowest first, then by name: an order that does not depend on
    /// where a rule was written.
    rules: Vec<Rule>,
    index: RuleIndex,
    turns_on: Option<Date>,
    classifier: Arc<Classifier>,
}

impl Policy {
    /// Reads everything and finds everything: the policy, if no fault is an
    /// error, and all faults, in the order of files and places.
    pub fn compile(sources: &Sources, context: &Context<'_>) -> (Option<Self>, Diagnostics) {
        let mut compiler = Compiler { sources, diagnostics: Diagnostics::default() };
        let policy = compiler.compile(context);
        let mut diagnostics = compiler.diagnostics;
        diagnostics.sort();
        let policy = policy.filter(|_| !diagnostics.has_errors());
        (policy, diagnostics)
    }

    /// Which files this is: twelve hexadecimal digits.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What git called the state that the files were checked out from.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// What runs out, and when.
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Who is told of held messages.
    pub fn officers(&self) -> &[Address] {
        &self.settings.officers
    }

    /// Whether what somebody's ARC seal vouches for is believed.
    pub fn trusts_sealer(&self, sealer: &Domain) -> bool {
        self.settings.trusted_sealers.iter().any(|pattern| pattern.matches(sealer))
    }

    pub fn trusted_sealers(&self) -> &[DomainPattern] {
        &self.settings.trusted_sealers
    }

    /// Those that have a file, in the order of their codes.
    pub fn organisations(&self) -> impl Iterator<Item = &Organisation> {
        self.organisations.iter().map(Arc::as_ref)
    }

    pub fn level_name(&self, level: Level) -> &str {
        self.settings.level_names.name(level)
    }

    /// What is known of a recipient's domain.
    pub fn destination(&self, domain: &Domain) -> Destination<'_> {
        self.domains.destination(domain)
    }

    pub fn domains(&self) -> &Domains {
        &self.domains
    }

    pub fn disclaimer(&self, name: &str) -> Option<&Arc<TagLine>> {
        self.disclaimers.get(name)
    }

    /// Every tag line and banner, by name.
    pub fn tag_lines(&self) -> impl Iterator<Item = &Arc<TagLine>> {
        self.disclaimers.values()
    }

    /// Whose mail it is, of those that have a file.
    pub fn organisation(&self, message: &MessageFacts) -> Option<&Organisation> {
        self.organisation_at(message.reverse_path.domain()?)
    }

    /// Whose recipients these are.
    pub fn organisation_at(&self, domain: &Domain) -> Option<&Organisation> {
        self.organisations.get(self.index.owner(domain)?).map(Arc::as_ref)
    }

    /// What senders are called who belong to no organisation that has a file.
    pub fn default_organisation(&self) -> &str {
        &self.settings.organisation
    }

    pub fn classify(&self, input: &Input<'_>) -> Classification {
        self.classifier.classify(input)
    }

    /// What detectors weighed and did not find sure enough.
    pub fn left_out(&self, readings: &[Reading]) -> Vec<Found> {
        self.classifier.left_out(readings)
    }

    /// The rules in force, the narrowest first, then by name.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Those that can speak of a message, in the same order; every other would
    /// be silent.
    pub fn rules_for(&self, message: &MessageFacts) -> impl Iterator<Item = &Rule> {
        self.index.places(message).filter_map(|place| self.rules.get(place))
    }

    pub fn rollout(&self) -> &Rollout {
        &self.settings.rollout
    }

    pub fn invariants(&self) -> &[Invariant] {
        &self.settings.invariants
    }

    /// The first day on which the same files mean something else: a rule or
    /// an exemption takes effect or has expired. Whoever keeps a policy
    /// compiles it anew on that day.
    pub fn turns_on(&self) -> Option<Date> {
        self.turns_on
    }

    /// The same policy with nothing left to a roll-out.
    #[must_use]
    pub fn fully_enforced(mut self) -> Self {
        self.settings.rollout = Rollout::Enforce;
        self
    }

    /// With a domain behind the gateway, where none is named.
    #[must_use]
    pub fn with_one_local_domain(mut self) -> Self {
        self.domains = self.domains.with_one_local();
        self
    }
}

struct Compiler<'a> {
    sources: &'a Sources,
    diagnostics: Diagnostics,
}

impl Compiler<'_> {
    fn compile(&mut self, context: &Context<'_>) -> Option<Policy> {
        for (file, fault) in self.sources.encoding_faults() {
            self.diagnostics.push(fault.of(file, Severity::Error));
        }
        self.warn_of_strays();
        self.diagnostics.extend(due::warnings(self.sources, context.today));
        let members = organisation::memberships(self.sources);
        let settings = self.required("policy.toml", |faults| settings::read(faults, &members));
        let settings = settings.unwrap_or_default();
        let certificates: Vec<&str> = self.sources.certificates().collect();
        let domains = self
            .required("domains.toml", |faults| domains::read(faults, &certificates, context))
            .unwrap_or_else(|| Domains::local(context.local_domains));
        let disclaimers = disclaimers::read(self.sources, &mut self.diagnostics);
        let rule_context = RuleContext {
            disclaimers: &disclaimers,
            level_names: &settings.level_names,
            organisations: &members,
            today: context.today,
        };
        let files = self.read_rules(&rule_context);
        self.check_names(&files);
        let written = || files.iter().map(|(_, written)| written);
        let turns_on = written().flat_map(|written| &written.turns).min().copied();
        let periods: Vec<_> = written().flat_map(|written| &written.periods).copied().collect();
        let organisations: Vec<_> =
            written().filter_map(|written| written.organisation.clone()).collect();
        let classifier = self.compile_classifier(context.test_range);
        let (rules, places) = join(files);
        let index = RuleIndex::new(&rules, &organisations);
        let policy = Policy {
            version: self.sources.version(),
            commit: self.sources.commit().map(str::to_owned),
            deadlines: Deadlines::of(context.today, &periods, &domains),
            settings,
            domains,
            disclaimers,
            organisations,
            rules,
            index,
            turns_on,
            classifier: Arc::new(classifier?),
        };
        let doubts = places.doubts(&policy, &self.diagnostics);
        doubts.into_iter().for_each(|doubt| self.diagnostics.push(doubt));
        Some(policy)
    }

    /// None only with a fault noted.
    fn compile_classifier(&mut self, test_range: Option<TestRange>) -> Option<Classifier> {
        let folder = |name, ending: &'static str| {
            let files = self.sources.folder(name);
            files
                .filter(|(name, _)| name.ends_with(ending))
                .map(|(_, file)| Arc::clone(file))
                .collect()
        };
        let files = ClassificationFiles {
            detectors: folder("detectors", ".toml"),
            terms: folder("terms", ".toml"),
            yara: folder("yara", ".yar"),
            classification: self.file("classification.toml")?,
        };
        match classification::compile(&files, test_range) {
            Ok(classifier) => Some(classifier),
            Err(faults) => {
                self.diagnostics.extend(faults);
                None
            }
        }
    }

    fn required<T>(&mut self, path: &str, read: impl FnOnce(&Faults) -> T) -> Option<T> {
        let faults = Faults::new(&self.file(path)?);
        let read = read(&faults);
        self.diagnostics.extend(faults.into_diagnostics());
        Some(read)
    }

    /// A file that every policy has.
    fn file(&mut self, path: &str) -> Option<Arc<SourceFile>> {
        if let Some(file) = self.sources.file(path) {
            return Some(Arc::clone(file));
        }
        let folder = self.sources.name();
        let shown = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
        let absent = Arc::new(SourceFile { path: shown, text: String::new() });
        let fault = Fault::new("file-missing", format!("the policy has no {path}"))
            .help("every policy has policy.toml, domains.toml, classification.toml and rules.toml");
        self.diagnostics.push(fault.of(&absent, Severity::Error));
        None
    }

    /// A file that nothing reads is most likely one with a slip in its name.
    fn warn_of_strays(&mut self) {
        for (path, file) in self.sources.iter() {
            let Some(stem) = path.strip_suffix(".toml").filter(|stem| !stem.contains('/')) else {
                continue;
            };
            if FILES.contains(&stem) {
                continue;
            }
            let fault = Fault::new("file-stray", format!("nothing reads {path}")).help_if_any(
                nearest(stem, FILES.iter()).map(|stem| format!("did you mean `{stem}.toml`?")),
            );
            self.diagnostics.push(fault.of(file, Severity::Warning));
        }
    }

    /// The national rules, and every organisation's.
    fn read_rules(&mut self, context: &RuleContext<'_>) -> Vec<(Arc<SourceFile>, Written)> {
        let mut files: Vec<(Arc<SourceFile>, Written)> = Vec::new();
        if let Some(written) = self.required("rules.toml", |faults| rules::read(faults, context)) {
            files.extend(self.sources.file("rules.toml").cloned().zip(Some(written)));
        }
        let sources = self.sources;
        for (name, file) in sources.folder("organisations") {
            let Some(stem) = name.strip_suffix(".toml") else { continue };
            let faults = Faults::new(file);
            let written = organisation::read(&faults, stem, context);
            self.diagnostics.extend(faults.into_diagnostics());
            files.push((Arc::clone(file), written));
        }
        files
    }

    /// Names are unique across all files, and exemptions lift rules there are.
    fn check_names(&mut self, files: &[(Arc<SourceFile>, Written)]) {
        let mut first: BTreeMap<&str, (&Arc<SourceFile>, &Range<usize>)> = BTreeMap::new();
        for (file, written) in files {
            for (name, place) in &written.names {
                match first.get(name.as_str()) {
                    Some((other, elsewhere)) => {
                        let line = Faults::new(other).line(elsewhere.start);
                        let fault =
                            Fault::new("rule-duplicate", format!("two rules are named `{name}`"))
                                .at(place.clone())
                                .label(format!("the first is in {}:{line}", other.path))
                                .help("give one of them another name");
                        self.diagnostics.push(fault.of(file, Severity::Error));
                    }
                    None => drop(first.insert(name, (file, place))),
                }
            }
        }
        for (file, written) in files {
            for (exemption, places) in &written.exemptions {
                for (name, place) in exemption.rules.iter().zip(places) {
                    let fault = check_lifted(name, exemption, written, &first);
                    let fault = fault.map(|fault| fault.at(place.clone()));
                    self.diagnostics.extend_one(fault.map(|fault| fault.of(file, Severity::Error)));
                }
            }
        }
    }
}

/// An organisation lifts its own rules only; the nation lifts any (law 4).
fn check_lifted(
    name: &str,
    exemption: &Exemption,
    own: &Written,
    all: &BTreeMap<&str, (&Arc<SourceFile>, &Range<usize>)>,
) -> Option<Fault> {
    if !all.contains_key(name) {
        let help = did_you_mean(name, all.keys());
        let fault = Fault::new("exemption-unknown-rule", format!("there is no rule `{name}`"));
        return Some(fault.label("lifts nothing").help_if_any(help));
    }
    let is_own = own.names.iter().any(|(known, _)| known == name);
    (exemption.organisation.is_some() && !is_own).then(|| {
        let message = format!("an organisation cannot lift the national rule `{name}`");
        Fault::new("exemption-national-rule", message)
            .label("not a rule of this file")
            .help("ask the owner of the national rules for an exemption in rules.toml")
    })
}

/// Every rule with the exemptions that lift it, in the order of deciding, and
/// where each was written.
fn join(files: Vec<(Arc<SourceFile>, Written)>) -> (Vec<Rule>, Places) {
    let mut rules = Vec::new();
    let mut places = Places::default();
    for (file, written) in files {
        for (rule, place) in written.rules {
            places.rules.insert(rule.name.clone(), (Arc::clone(&file), place));
            rules.push(rule);
        }
        for (exemption, named) in written.exemptions {
            let place = named.first().cloned().unwrap_or_default();
            places.exemptions.push((Arc::new(exemption), (Arc::clone(&file), place)));
        }
    }
    for (exemption, _) in &places.exemptions {
        let lifted: HashSet<&str> = exemption.rules.iter().map(String::as_str).collect();
        for rule in rules.iter_mut().filter(|rule: &&mut Rule| lifted.contains(rule.name.as_str()))
        {
            rule.exemptions.push(Arc::clone(exemption));
        }
    }
    rules.sort_by(|one, other| {
        let narrower = other.specificity().cmp(&one.specificity());
        narrower.then_with(|| one.name.cmp(&other.name))
    });
    (rules, places)
}

/// What may stand at the top of a policy folder, each a .toml.
const FILES: [&str; 4] = ["policy", "domains", "classification", "rules"];
