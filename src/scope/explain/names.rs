//! What people call the resource types of FHIR.

/// A resource type: its FHIR name, a title, and what is read when it is read.
pub(in crate::scope) type Name = (&'static str, &'static str, &'static str);

/// What speaks of the patient.
pub(in crate::scope) const OF_THE_PATIENT: &[Name] = &[
    ("AllergyIntolerance", "Allergies", "allergies and intolerances"),
    ("Appointment", "Appointments", "booked and past appointments"),
    ("BodyStructure", "Body sites", "descriptions of body sites"),
    ("CarePlan", "Care plans", "plans of care and treatment"),
    ("CareTeam", "Care team", "the names and roles of those who care"),
    ("Claim", "Insurance claims", "claims sent to insurers"),
    ("ClaimResponse", "Insurers' answers to claims", "decisions of insurers on claims"),
    ("ClinicalImpression", "Clinical assessments", "assessments made by clinicians"),
    ("Communication", "Messages", "messages about care"),
    ("Composition", "Clinical documents", "structured clinical documents"),
    ("Condition", "Health problems and diagnoses", "health problems, diagnoses and health concerns"),
    ("Consent", "Consents", "decisions on treatment and on sharing data"),
    ("Coverage", "Insurance cover", "insurance plans and membership numbers"),
    ("CoverageEligibilityRequest", "Questions about insurance cover", "questions to insurers about cover"),
    ("CoverageEligibilityResponse", "Answers about insurance cover", "insurers' answers about cover"),
    ("Device", "Implants and devices", "implants and other medical devices"),
    ("DeviceRequest", "Orders for devices", "orders for medical devices"),
    ("DiagnosticReport", "Diagnostic reports", "laboratory, imaging and other diagnostic reports"),
    ("DocumentReference", "Documents and notes", "clinical notes and other documents"),
    ("Encounter", "Visits and stays", "visits, hospital stays and other contacts"),
    ("EpisodeOfCare", "Periods of care", "periods of care for one problem"),
    ("ExplanationOfBenefit", "Insurance statements", "what care was claimed and what the insurer paid"),
    ("FamilyMemberHistory", "Family history", "illnesses in the family"),
    ("Flag", "Warnings", "warnings and alerts"),
    ("Goal", "Health goals", "goals of care and treatment"),
    ("ImagingStudy", "Imaging studies", "X-ray, CT, MRI and other imaging studies"),
    ("Immunization", "Vaccinations", "vaccinations given"),
    ("ImmunizationRecommendation", "Vaccinations due", "vaccinations that are due"),
    ("Media", "Pictures and recordings", "pictures, videos and sound recordings"),
    ("MedicationAdministration", "Medicines taken", "medicines that were given or taken"),
    ("MedicationDispense", "Medicines handed out", "medicines that a pharmacy handed out"),
    ("MedicationRequest", "Prescriptions", "prescriptions and orders for medicines"),
    ("MedicationStatement", "Medicines in use", "medicines in use, as told or recorded"),
    ("NutritionOrder", "Diet", "orders for diet and nutrition"),
    (
        "Observation",
        "Test results and measurements",
        "laboratory results, vital signs and other observations",
    ),
    ("Patient", "Patient details", "the name, date of birth, address and other details"),
    ("Procedure", "Procedures", "operations and other procedures"),
    ("QuestionnaireResponse", "Answers to questionnaires", "filled-in questionnaires and forms"),
    ("RelatedPerson", "Family and contacts", "the names and contact details of family and other contacts"),
    ("RiskAssessment", "Risk assessments", "assessments of risks to health"),
    ("ServiceRequest", "Orders and referrals", "orders for tests, referrals and other requests"),
    ("Specimen", "Samples", "blood, tissue and other samples"),
    ("VisionPrescription", "Glasses and contact lenses", "prescriptions for glasses and contact lenses"),
];

/// What the record of a patient points to.
pub(in crate::scope) const AROUND_THE_PATIENT: &[Name] = &[
    ("AuditEvent", "Who has looked", "entries about who saw or changed data"),
    ("Binary", "Files", "files, such as PDF documents and pictures"),
    ("Endpoint", "Technical addresses", "technical addresses of systems"),
    ("Group", "Groups of patients", "lists of patients who belong together"),
    ("HealthcareService", "Services offered", "services that clinics offer"),
    ("InsurancePlan", "Insurance plans", "insurance plans and what they cover"),
    ("List", "Lists", "lists, such as of problems or medicines"),
    ("Location", "Places of care", "wards, clinics and other places"),
    ("Medication", "Medicines", "medicines and what they contain"),
    ("Organization", "Organizations", "hospitals, practices, insurers and other organizations"),
    ("Person", "People", "the names and contact details of people"),
    ("Practitioner", "Doctors and other clinicians", "the names and contact details of clinicians"),
    ("PractitionerRole", "Roles of clinicians", "where clinicians work and what they do there"),
    ("Provenance", "Where data comes from", "who recorded data, and when"),
    ("Questionnaire", "Questionnaires", "questionnaires and forms"),
    ("Schedule", "Calendars", "calendars for appointments"),
    ("Slot", "Free times", "free and taken times for appointments"),
    ("Task", "Tasks", "tasks and how far they are"),
];

/// A category of Condition or Observation.
pub(in crate::scope) struct Category {
    /// The resource type.
    pub(in crate::scope) resource: &'static str,
    /// The code system.
    pub(in crate::scope) system: &'static str,
    /// The code.
    pub(in crate::scope) code: &'static str,
    /// What people call it.
    pub(in crate::scope) title: &'static str,
    /// What is read when it is read.
    pub(in crate::scope) phrase: &'static str,
}

const CONDITION: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const US_CORE_CONDITION: &str = "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
const US_CORE: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";
const OBSERVATION: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// The categories that certified systems let people choose one by one (US Core, 45 CFR 170.315(g)(10)).
pub(in crate::scope) const CATEGORIES: &[Category] = &[
    condition(CONDITION, "problem-list-item", "Problem list", "health problems on the problem list"),
    condition(CONDITION, "encounter-diagnosis", "Diagnoses made at visits", "diagnoses made at visits"),
    condition(US_CORE_CONDITION, "health-concern", "Health concerns", "health concerns"),
    observation(OBSERVATION, "laboratory", "Laboratory results", "laboratory results"),
    observation(OBSERVATION, "vital-signs", "Vital signs", "blood pressure, weight and other vital signs"),
    observation(OBSERVATION, "procedure", "Clinical tests", "results of clinical tests"),
    observation(OBSERVATION, "social-history", "Social history", "smoking, work and other social history"),
    observation(US_CORE, "sdoh", "Living conditions", "housing, food and other living conditions"),
    observation(OBSERVATION, "survey", "Surveys and assessments", "results of surveys and assessments"),
];

const fn condition(
    system: &'static str,
    code: &'static str,
    title: &'static str,
    phrase: &'static str,
) -> Category {
    Category { resource: "Condition", system, code, title, phrase }
}

const fn observation(
    system: &'static str,
    code: &'static str,
    title: &'static str,
    phrase: &'static str,
) -> Category {
    Category { resource: "Observation", system, code, title, phrase }
}
