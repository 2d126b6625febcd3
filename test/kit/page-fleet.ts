import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { httpGit } from './http-git.ts';
import { hostOf, type RunningRelay, startRelay } from './relay.ts';
import { sidecar, untilPublished } from './sidecar.ts';
import { tempDir } from './temp.ts';
import { Upstream } from './upstream.ts';

const POLICY = `
done: published
soak: 1h
stages:
  - name: canary
    select: { instances: [canary-*] }
`;

/** A relay with a policy, two instances, and a browser before it. */
export async function pageFleet({ isOpen = false, isSecure = false, name = 'web-1' } = {}) {
  const dir = tempDir();
  const upstream = new Upstream(dir);
  const first = upstream.commit({ a: 'one' }, 'The first commit');
  const server = await httpGit(dir);
  const host = hostOf(server);
  const [policies, access, tokenFile] = [join(dir, 'rollouts.yaml'), join(dir, 'access'), join(dir, 'token')];
  const indented = POLICY.trim().replaceAll('\n', '\n    ');
  writeFileSync(policies, `rollouts:\n  - name: app\n    repository: ${host}/*\n    refs: [main]\n    ${indented}\n`);
  writeFileSync(access, `bearer pod ${host}/*\nsteer bearer boss ${host}/*\n`);
  writeFileSync(tokenFile, 'pod\n');
  const args = [`--allow=${server}/*`, `--rollouts=${policies}`, ...(isOpen ? [] : [`--access-file=${access}`])];
  const [key, certificate] = [join(dir, 'key.pem'), join(dir, 'certificate.pem')];
  if (isSecure) {
    const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', [...kind, ...names, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    args.push(`--tls-cert-file=${certificate}`, `--tls-key-file=${key}`);
  }
  const trust = isSecure ? [`--relay-ca-file=${certificate}`] : [];
  let relay: RunningRelay = await startRelay({ dir, args, scheme: isSecure ? 'https' : 'http' });
  const { port, url } = relay;
  const instance = (instanceName: string, place: string) => {
    const words = [
      `--repo=${server}/repo.git`,
      `--root=${join(dir, place)}`,
      '--link=link',
      '--ref=main',
      '--period=200ms',
    ];
    const process = sidecar([
      ...words,
      `--relay=${url}`,
      `--relay-token-file=${tokenFile}`,
      `--instance=${instanceName}`,
      `--instance-label=track=${place}`,
      ...trust,
    ]);
    return { link: join(dir, place, 'link'), process };
  };
  const [canary, web] = [instance('canary-1', 'canary'), instance(name, 'web')];
  for (const { link, process } of [canary, web]) await untilPublished(link, first, process);
  return {
    ...{ dir, upstream, first, canary, web, url, access, host, repository: `${host}/repo.git` },
    stop: async () => {
      relay.process.kill('SIGKILL');
      await relay.process.exited;
    },
    startAgain: async () => {
      relay = await startRelay({ dir, args, port });
    },
    standing: async (): Promise<{ status: string; oid: string }> => {
      const answer = await relay.get('/rollouts', { authorization: 'Bearer pod' });
      return ((await answer.json()) as { rollouts: { status: string; oid: string }[] }).rollouts[0] as never;
    },
  };
}

export async function logIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Presses the button of an order, says why, and confirms. */
export async function order(page: Page, name: string, to?: string): Promise<void> {
  await page.getByRole('toolbar').getByRole('button', { name, exact: true }).click();
  const dialog = page.getByRole('dialog');
  if (to !== undefined) await dialog.getByLabel('Or another one').fill(to);
  await dialog.getByLabel('Why').fill('a test');
  await dialog.getByLabel('Your name').fill('alice');
  await dialog.getByRole('button', { name: name.replace('…', ''), exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

export const openRollout = async (page: Page): Promise<void> => {
  await page.getByRole('link', { name: /repo\.git main/ }).click();
  await page.getByRole('toolbar').waitFor();
};

export const isLive = async (page: Page): Promise<void> => await page.getByText('live', { exact: true }).waitFor();
