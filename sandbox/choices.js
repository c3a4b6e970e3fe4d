// What a tester can choose.

/** The kinds of launch. `launch` are the scopes that belong to a kind. */
export const KINDS = [
  { id: 'ehr', title: 'EHR launch', says: 'A clinician opens the app inside the record.', launch: ['launch'], preset: 'patient-v2', hint: 'dr.adams' },
  { id: 'standalone', title: 'Standalone', says: 'A patient opens the app; this server asks for whom.', launch: ['launch/patient'], preset: 'patient-v2', hint: 'pat.rivera' },
  { id: 'encounter', title: 'Standalone, encounter', says: 'As before, and it asks for a visit.', launch: ['launch/patient', 'launch/encounter'], preset: 'patient-v2', hint: 'pat.rivera' },
  { id: 'provider', title: 'Provider standalone', says: 'A clinician, without a patient in context.', launch: [], preset: 'clinician', hint: 'dr.adams' },
  { id: 'backend', title: 'Backend service', says: 'A system, without any person.', launch: [], preset: 'backend' },
];

/** Sets of scopes to begin with. */
export const PRESETS = [
  { id: 'patient-v2', title: 'Patient, v2', scope: 'patient/Patient.rs patient/Observation.rs patient/Encounter.rs' },
  { id: 'patient-v1', title: 'Patient, v1', scope: 'patient/Patient.read patient/Observation.read patient/Encounter.read' },
  { id: 'labs', title: 'Labs only', scope: 'patient/Patient.r patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory' },
  { id: 'clinician', title: 'Clinician', scope: 'user/Patient.rs user/Observation.rs user/Encounter.rs' },
  { id: 'openid', title: 'Only who it is', scope: '' },
  { id: 'backend', title: 'System', scope: 'system/Patient.rs system/Observation.rs', backend: true },
  { id: 'capacity', title: 'Custom', scope: 'capacity.read', backend: true },
];

/** Scopes that are switched on and off one by one. */
export const SWITCHES = [
  { scope: 'openid', says: 'an id token' },
  { scope: 'fhirUser', says: 'who the person is in FHIR' },
  { scope: 'profile', says: 'the name' },
  { scope: 'offline_access', says: 'refresh without the person' },
  { scope: 'online_access', says: 'refresh while signed in' },
  { scope: 'launch', says: 'context from the EHR' },
  { scope: 'launch/patient', says: 'context: a patient' },
  { scope: 'launch/encounter', says: 'context: a visit' },
];

/** The apps of the tiny app store. */
export const APPS = [
  { id: 'app-public', title: 'Growth Chart', says: 'public: PKCE alone' },
  { id: 'app-secret', title: 'Heart Diary', says: 'symmetric: a client secret' },
  { id: 'app-asymmetric', title: 'Care Plan', says: 'asymmetric: a signed assertion' },
];

/** Whichever other app is registered: the EHR opens it at its own launch URL. */
export const OTHER = { id: 'other', title: 'Another app', says: 'yours, once it is registered' };

/** The systems that need no certificate, which a page cannot show. */
export const SYSTEMS = [
  { id: 'payer-rs384', title: 'payer-rs384', says: 'asymmetric, RS384', preset: 'backend' },
  { id: 'partner-secret', title: 'partner-secret', says: 'symmetric', preset: 'capacity' },
];

/** The scopes of a text, each once, in their order. */
export function list(text) {
  return [...new Set(text.split(/\s+/).filter(Boolean))];
}

/** What a kind asks for with a preset. */
export function scopeOf(kind, preset) {
  const { launch } = KINDS.find(({ id }) => id === kind);
  const { scope } = PRESETS.find(({ id }) => id === preset);
  const who = kind === 'backend' ? [] : ['openid', 'fhirUser'];
  return list([...launch, ...who, scope].join(' ')).join(' ');
}

/** The choices to begin with; the first patient of the user is known only when people are. */
export function defaults() {
  return {
    kind: 'standalone', app: 'app-public', system: 'payer-rs384', preset: 'patient-v2',
    scope: scopeOf('standalone', 'patient-v2'), hint: 'pat.rivera', user: 'dr.adams', patient: null, encounter: '',
    client: '', launch_url: '',
    fhirContext: '', intent: '', banner: '', tenant: '', style: '', method: 'GET', prompt: '', mistake: '', tab: 'same',
  };
}
