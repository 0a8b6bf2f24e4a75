//! [`NameSet`]: whether a name is among others, however many there are.

/// Some names, to be looked for among. A caller may send a hundred thousand, and ask for each.
pub(crate) struct NameSet<'n>(Vec<(usize, &'n str)>);

impl<'n> NameSet<'n> {
    /// These names, each once.
    pub(crate) fn of(names: impl Iterator<Item = &'n str>) -> Self {
        // By length first: it is the same to whoever looks, and sooner told.
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
