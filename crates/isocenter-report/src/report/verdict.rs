//! What is thought of a result, in words.

/// What a judge says about a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Verdict {
    /// The result can be relied on as far as can be told.
    Good,
    /// The result may be right; it has to be checked.
    Doubtful,
    /// The result is wrong or tells nothing.
    Failed,
    /// Nobody has judged.
    #[default]
    Unjudged,
}

impl Verdict {
    /// All, from the best to none at all.
    pub const ALL: [Self; 4] = [Self::Good, Self::Doubtful, Self::Failed, Self::Unjudged];

    /// Its name in files.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(isocenter_report::Verdict::Good.name(), "good");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Failed => "failed",
            Self::Unjudged => "unjudged",
        }
    }

    /// The verdict as a sentence.
    pub(crate) fn headline(self) -> &'static str {
        match self {
            Self::Good => "Good: the registration is judged right",
            Self::Doubtful => "Doubtful: the registration may be wrong",
            Self::Failed => "Failed: the registration is judged wrong",
            Self::Unjudged => "Not judged: nothing has checked this registration",
        }
    }

    /// What to do now.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Good => {
                "Glance at the edges below before you rely on the pose: a judge can be wrong, and \
                 a single X-ray tells little about depth."
            }
            Self::Doubtful => {
                "Do not rely on the pose unchecked. Compare edges and tiles below at the structures \
                 that matter; if they do not run on, start again from a closer pose, from landmarks \
                 or with another X-ray."
            }
            Self::Failed => {
                "Do not use the pose. Start again from a closer pose or from landmarks; check that \
                 CT and X-ray show the same anatomy, and that the image is not mirrored."
            }
            Self::Unjudged => {
                "Look at the edges below before you use the pose: they must lie on the bones of the \
                 X-ray after the registration."
            }
        }
    }

    /// A sign that can be told from the others without color.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Doubtful => "!",
            Self::Failed => "✕",
            Self::Unjudged => "?",
        }
    }
}
