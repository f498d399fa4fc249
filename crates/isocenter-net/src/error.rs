//! What can go wrong.

use burn::tensor::TensorReadError;
use isocenter::evaluate::{PatientError, ProtocolError};
use isocenter::geometry::CameraError;
use isocenter::optimize::{ObjectiveError, SettingError};
use isocenter::project::ProjectError;
use isocenter::radiograph::ImageError;
use isocenter::radiograph::simulation::SimulationError;
use isocenter::similarity::SimilarityError;
use isocenter::volume::VolumeError;

/// An error of the network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// A setting makes no sense.
    #[error("{name} is {found}; expected {expected}")]
    Setting {
        /// Its name in the configuration.
        name: &'static str,
        /// What was given.
        found: String,
        /// What makes sense.
        expected: &'static str,
    },
    /// A tensor or buffer of another shape than the network was made for.
    #[error("{what} has the shape {found:?}; this network expects {expected:?}")]
    Shape {
        /// Of what.
        what: &'static str,
        /// What was given.
        found: Vec<usize>,
        /// What fits.
        expected: Vec<usize>,
    },
    /// Features of another architecture.
    #[error(
        "features of one architecture were given to a network of another: take both from one network"
    )]
    OtherFeatures,
    /// The invertible network cannot be inverted.
    #[error(
        "the mixing matrix of coupling {coupling} is singular (smallest pivot {pivot:e}): \
         these weights have no inverse; train on, or load others"
    )]
    SingularMixing {
        /// Which of the couplings, counted from 0.
        coupling: usize,
        /// The smallest pivot of its elimination.
        pivot: f64,
    },
    /// A weight that the module has is not among those given.
    #[error("there is no weight '{path}': these are weights of another architecture")]
    WeightMissing {
        /// Its path.
        path: String,
    },
    /// A weight has another shape.
    #[error("weight '{path}' has the shape {found:?}; this network expects {expected:?}")]
    WeightShape {
        /// Its path.
        path: String,
        /// What was given.
        found: Vec<usize>,
        /// What fits.
        expected: Vec<usize>,
    },
    /// The module has no such weight.
    #[error("this network has no weight '{path}': these are weights of another architecture")]
    WeightUnknown {
        /// Its path.
        path: String,
    },
    /// A weight has another type of number.
    #[error("weight '{path}' holds numbers of type {found}; expected F32")]
    WeightType {
        /// Its path.
        path: String,
        /// What was given.
        found: String,
    },
    /// A weight is no number.
    #[error("weight '{path}' has the value {found}: the training that wrote it has failed")]
    WeightNotFinite {
        /// Its path.
        path: String,
        /// What was given.
        found: f32,
    },
    /// A file that no training has written.
    #[error(
        "this safetensors file is no checkpoint of `isocenter train`: name one of its folder \
         'checkpoints', or convert PyTorch's own file (.pt, .pth) with `isocenter convert-weights`"
    )]
    NoCheckpoint,
    /// A checkpoint of another version of the program.
    #[error(
        "the checkpoint has the format of version {found}; this program reads version {expected}: \
         train again, or use the program that wrote it"
    )]
    Format {
        /// What was given.
        found: u32,
        /// What can be read.
        expected: u32,
    },
    /// A training that goes on has other settings than it had.
    #[error(
        "the training began with other settings: {key} was {before} and is {now}; go on with the same, or begin a new training in another folder"
    )]
    OtherTraining {
        /// Which differs.
        key: String,
        /// In the checkpoint.
        before: String,
        /// In the file.
        now: String,
    },
    /// Weights to begin with that are of another architecture.
    #[error(
        "the weights to begin with are of another architecture: {key} was {before} and is {now}; \
         set `network` as in the training that they are from"
    )]
    OtherArchitecture {
        /// Which setting differs.
        key: String,
        /// Of the weights.
        before: String,
        /// In the file.
        now: String,
    },
    /// A training that leads nowhere.
    #[error("step {step}: {what}; {advice}")]
    Diverged {
        /// The step.
        step: u64,
        /// What happened.
        what: String,
        /// What may help.
        advice: &'static str,
    },
    /// A CT or the poses are such that nothing can be rendered.
    #[error(
        "no pose was found in {tries} tries from which the CT can be rendered: narrow `truth` and `start`, or move the source away"
    )]
    NoPose {
        /// How often.
        tries: usize,
    },
    /// A sample that was drawn from other CTs or for other cameras.
    #[error(
        "the sample is of CT {patient} and camera {camera}; there are {patients} CTs and {cameras} cameras here: use the source that it was drawn from"
    )]
    OtherSource {
        /// Number of its CT.
        patient: usize,
        /// Number of its camera.
        camera: usize,
        /// CTs that there are.
        patients: usize,
        /// Cameras that there are.
        cameras: usize,
    },
    /// A step of no sample.
    #[error("there is no sample to train on: give a step one at least")]
    NoSample,
    /// The system gives no thread.
    #[error("the system gives no thread for a CT of the step ({0}): lower cts_per_step")]
    Thread(std::io::Error),
    /// A part of the settings that trainings and evaluations share makes no sense.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// A CT cannot be used.
    #[error(transparent)]
    Patient(#[from] PatientError),
    /// An X-ray cannot be simulated.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// An image cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A camera cannot exist.
    #[error(transparent)]
    Camera(#[from] CameraError),
    /// A registration by the network failed.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// An optimiser's setting makes no sense.
    #[error(transparent)]
    OptimizerSetting(#[from] SettingError),
    /// A safetensors file is damaged.
    #[error("not a whole safetensors file: {0}")]
    SafeTensors(#[from] safetensors::SafeTensorError),
    /// The metadata of a checkpoint is damaged.
    #[error("the metadata of the checkpoint cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    /// A checkpoint of another kind of model.
    #[error("this checkpoint is of {found}, not of {expected}: give it as {flag}")]
    OtherModel {
        /// What it is of.
        found: &'static str,
        /// What is asked for.
        expected: &'static str,
        /// Where it can be given.
        flag: &'static str,
    },
    /// Images cannot be compared.
    #[error(transparent)]
    Similarity(#[from] SimilarityError),
    /// The projector refused.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A volume of features could not be made.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// Values could not be read from the device.
    #[error("values could not be read from the device: {0}")]
    Read(#[from] TensorReadError),
}

impl From<NetError> for ObjectiveError {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Project(error) => error.into(),
            NetError::Objective(error) => error,
            other => Self::Other { message: other.to_string() },
        }
    }
}
