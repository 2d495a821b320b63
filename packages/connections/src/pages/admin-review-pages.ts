/** The pages of an administrator about what is out there: the doctor, the tools of a server, blocked issuers. */
import { cleanName, plainText, type Sentence } from '@fastify-mcp-auth/core/pages'
import type { Tool } from '@modelcontextprotocol/client'
import type { ProbeReport } from '../types.ts'
import { pathTo, type Surroundings } from './frame.ts'
import type { DoctorPage, IssuersPage, PreviewPage } from './model.ts'
import { describeTool } from './person-pages.ts'

const value = (text: string): Sentence => [{ value: text }]

export function describeDoctor(
  around: Surroundings,
  { server, report }: { server: string; report: ProbeReport }
): DoctorPage {
  const { locale, frame } = around
  const heading = locale.say('doctor.heading', { server: value(server) })
  const place = `/admin/servers/${encodeURIComponent(server)}`
  return {
    ...frame,
    page: 'doctor',
    title: plainText(heading),
    heading,
    intro: locale.word('doctor.intro'),
    result: locale.word(
      report.error !== null && report.auth !== 'unknown' ? 'doctor.blocked' : `doctor.auth.${report.auth}`
    ),
    problems: report.problems,
    steps: report.steps.map(step => ({ ...step, outcomeText: locale.word(`doctor.step.${step.outcome}`) })),
    downloadUrl: pathTo(around, `${place}/doctor`, { download: '1' }),
    backUrl: pathTo(around, place),
    words: {
      problems: locale.word('doctor.problems'),
      download: locale.word('doctor.download'),
      back: locale.word('admin.edit')
    }
  }
}

/** What a server shows to strangers. */
export interface PreviewData {
  /** Its id. */
  readonly server: string
  readonly tools: readonly Tool[] | null
  /** Names of those that the filter of the server keeps from being used. */
  readonly leftOut: readonly string[]
}

export function describePreview(around: Surroundings, { server, tools, leftOut }: PreviewData): PreviewPage {
  const { locale, frame } = around
  const heading = locale.say('preview.heading', { server: value(server) })
  return {
    ...frame,
    page: 'preview',
    title: plainText(heading),
    heading,
    intro: locale.word('preview.intro'),
    tools:
      tools?.map(({ name, description }) => ({
        name: cleanName(name),
        description: description === undefined ? null : describeTool(description),
        isLeftOut: leftOut.includes(name)
      })) ?? null,
    backUrl: pathTo(around, `/admin/servers/${encodeURIComponent(server)}`),
    words: {
      tools: locale.word('connection.tools'),
      hidden: locale.word('preview.hidden'),
      none: locale.word('preview.none'),
      leftOut: locale.word('preview.leftOut'),
      back: locale.word('admin.edit')
    }
  }
}

export function describeIssuers(around: Surroundings, { blocked }: { blocked: readonly string[] }): IssuersPage {
  const { locale, frame } = around
  const heading = locale.word('issuers.heading')
  return {
    ...frame,
    page: 'issuers',
    title: heading,
    heading,
    intro: locale.word('issuers.intro'),
    blocked,
    url: `${around.path}/admin/issuers`,
    dashboardUrl: pathTo(around, '/admin'),
    words: {
      none: locale.word('issuers.none'),
      issuer: locale.word('form.issuer'),
      hint: locale.word('issuers.hint'),
      block: locale.word('issuers.block'),
      unblock: locale.word('issuers.unblock'),
      dashboard: locale.word('admin.dashboard')
    }
  }
}
