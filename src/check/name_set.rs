//! [`NameSet`]: membership in a set of names, in logarithmic time.

/// A set of names. A request may have a hundred thousand of them, and look each up.
pub(crate) struct NameSet<'n>(Vec<(usize, &'n str)>);

impl<'n> NameSet<'n> {
    /// These names, each once.
    pub(crate) fn of(names: impl Iterator<Item = &'n str>) -> Self {
        // By length first: any order works, and lengths compare faster.
        let mut sorted: Vec<(usize, &str)> = names.map(|name| (name.len(), name)).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self(sorted)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Which of them this one is, if it is one.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.0.binary_search(&(name.len(), name)).ok()
    }

    /// Whether this is one of them.
    pub(crate) fn have(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}
