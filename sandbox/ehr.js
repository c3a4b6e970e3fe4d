// The tiny EHR: hands over a launch, as an EHR's own back-end does.
import { OTHER } from './choices.js';
import { post } from './smart.js';
import { call } from './wire.js';

/** Creates a launch for the app of a plan, and answers with the app's launch URL. */
export async function launchUrl(plan, { clients, token_endpoint: token, launch_endpoint: launch }) {
  const form = [['grant_type', 'client_credentials'], ['scope', 'launch.write']];
  const granted = await post('ehr', token, form, {
    title: 'The EHR gets a token', why: 'SMART Backend Services: a signed assertion, ES384.',
  });
  if (granted.status !== 200) throw new Error(`The EHR got no token: ${granted.body?.error ?? granted.status}`);
  const answer = await call({
    title: 'The EHR hands over the context',
    why: 'POST /launch answers with a handle that works once, for this app, this person, five minutes.',
    method: 'POST',
    url: launch,
    headers: { authorization: `Bearer ${granted.body.access_token}` },
    json: context(plan, clients),
  });
  if (answer.status !== 201 || !answer.body?.launch_url) {
    const wrong = answer.body?.errors?.map(({ field, detail }) => `${field} ${detail}`).join('; ');
    const why = wrong ?? answer.body?.detail ?? answer.body?.error_description ?? answer.body?.error ?? answer.body?.title;
    throw new Error(`The EHR got no launch: ${answer.status} ${why ?? ''}`);
  }
  return answer.body.launch_url;
}

/** What is wrong with what a tester typed, in words, by the name of the field. */
export function problemsOf(plan) {
  const found = {};
  if (plan.app === OTHER.id && !plan.client.trim()) found.client = 'Which app? Its client_id is missing.';
  const wrong = plan.fhirContext.trim() && problemOf(plan.fhirContext);
  if (wrong) found.fhirContext = wrong;
  return found;
}

function problemOf(text) {
  let all;
  try {
    all = JSON.parse(text);
  } catch (error) {
    return `This is not JSON: ${error.message}.`;
  }
  if (!Array.isArray(all)) return 'This must be a list: put [ and ] around it.';
  const at = all.findIndex((item) => item === null || typeof item !== 'object' || Array.isArray(item));
  if (at >= 0) return `Number ${at + 1} of the list must be an object, such as {"reference": "ImagingStudy/123"}.`;
  const bare = all.findIndex((item) => !['reference', 'canonical', 'identifier'].some((name) => name in item));
  return bare >= 0 ? `Number ${bare + 1} of the list needs a reference, a canonical or an identifier.` : '';
}

/** What the EHR says. What a tester left empty is not said. */
function context(plan, clients) {
  const app = plan.mistake === 'launch_other_app' ? otherApp(plan.app) : plan.app;
  const opened = app === OTHER.id ? { client_id: plan.client.trim(), launch_url: plan.launch_url.trim() } : clients[app];
  const said = {
    client_id: opened.client_id,
    launch_url: opened.launch_url,
    user: plan.user,
    patient: plan.patient,
    encounter: plan.encounter,
    fhirContext: plan.fhirContext.trim() ? JSON.parse(plan.fhirContext) : undefined,
    intent: plan.intent,
    need_patient_banner: plan.banner === '' ? undefined : plan.banner === 'true',
    tenant: plan.tenant,
    smart_style_url: plan.style,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== ''));
}

function otherApp(app) {
  return app === 'app-public' ? 'app-secret' : 'app-public';
}
