import type { DeciderConfig } from '../rollout-file.ts';
import { Fields } from './fields.ts';
import type { Problems } from './problems.ts';
import { readFilePath, readPlainUrl } from './read-addresses.ts';
import type { TreeNode } from './tree.ts';

const KEYS = ['name', 'url', 'token-file', 'ca-file', 'cert-file', 'key-file'];

/** The entry `decider`. @param path of the file that it stands in */
export function readDecider(node: TreeNode, path: string, problems: Problems): DeciderConfig | undefined {
  const fields = new Fields(node, 'decider', KEYS, problems);
  const name = fields.required('name');
  const url = fields.node('url') ? readPlainUrl(fields, 'url') : fields.complain('url', 'is missing');
  const certFile = readFilePath(fields, 'cert-file', path);
  const keyFile = readFilePath(fields, 'key-file', path) ?? certFile;
  if (keyFile !== undefined && certFile === undefined) fields.complain('key-file', 'needs cert-file');
  const files = {
    tokenFile: readFilePath(fields, 'token-file', path),
    caFile: readFilePath(fields, 'ca-file', path),
    certFile,
    keyFile,
  };
  if (url !== undefined && /[?#]/.test(url)) return fields.complain('url', 'has a query or a fragment');
  return name === undefined || url === undefined ? undefined : { name, url: url.replace(/\/+$/, ''), ...files };
}
