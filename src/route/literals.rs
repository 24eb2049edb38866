//! What a tree of segments branches by.

/// Branches by literal segment, in the order of their bytes.
///
/// A few thousand branches take a dozen comparisons. A hash table at every node of a tree would take up more memory than all
/// else of it, for most nodes have one branch or none.
#[derive(Debug)]
pub(super) struct Literals<T>(Vec<(Box<str>, Box<T>)>);

impl<T> Default for Literals<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> Literals<T> {
    /// The branch of this segment.
    pub(super) fn get(&self, segment: &str) -> Option<&T> {
        let place = self.place(segment).ok()?;
        self.0.get(place).map(|(_, branch)| &**branch)
    }

    /// The branch of this segment, which is made if it is missing.
    pub(super) fn entry(&mut self, segment: &str) -> Option<&mut T> {
        let place = self.place(segment).unwrap_or_else(|place| {
            self.0.insert(place, (segment.into(), Box::default()));
            place
        });
        self.0.get_mut(place).map(|(_, branch)| &mut **branch)
    }

    fn place(&self, segment: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(segment))
    }
}
