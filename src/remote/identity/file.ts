import { SidecarError } from '../../model/error.ts';
import { fillTemplates } from './fields.ts';
import type { Identity, IdentityTools } from './identity.ts';
import type { FileConfig } from './identity-config.ts';
import { readProof } from './token-file.ts';

const HINT = 'Correct the file, or --identity-username-template and --identity-password-template.';

/** JSON or YAML with fields; any other text is itself the only value. */
async function parseFields(text: string, path: string): Promise<unknown> {
  const whole = text.replace(/^\uFEFF/, '').trim();
  try {
    if (/\.ya?ml$/i.test(path)) {
      const { yaml } = await import('../../platform/yaml-library.ts');
      return yaml.parse(whole);
    }
    if (/^\{/.test(whole)) return JSON.parse(whole);
  } catch {
    // What the parser says quotes the file, which is secret.
    throw new Error('it is neither valid JSON nor valid YAML');
  }
  return whole;
}

/** A file that somebody else keeps fresh, such as an agent or a CSI driver: read again each time. */
export function fileIdentity({ path, templates }: FileConfig, { clock }: Pick<IdentityTools, 'clock'>): Identity {
  return {
    name: 'file',
    obtain: async () => {
      const refuse = (detail: string): SidecarError =>
        new SidecarError('ERR_REMOTE_CREDENTIAL_SOURCE', {
          op: 'read the credential in',
          target: path,
          detail,
          hint: HINT,
        });
      const text = await readProof('the credential in', path, HINT);
      const fields = await parseFields(text, path).catch((error: Error) => {
        throw refuse(error.message);
      });
      return { ...fillTemplates(templates, fields, refuse), expiresAt: clock.now() };
    },
  };
}
