import {
  BedrockServiceException,
  ConflictException,
  ResourceNotFoundException,
  ThrottlingException,
  ValidationException,
} from '@aws-sdk/client-bedrock'
import { BudgetsServiceException, DuplicateRecordException, NotFoundException } from '@aws-sdk/client-budgets'
import { CloudWatchServiceException } from '@aws-sdk/client-cloudwatch'
import { EC2ServiceException } from '@aws-sdk/client-ec2'
import {
  DeleteConflictException,
  EntityAlreadyExistsException,
  IAMServiceException,
  LimitExceededException,
  MalformedPolicyDocumentException,
  NoSuchEntityException,
} from '@aws-sdk/client-iam'
import {
  ResourceNotFoundException as ScheduleNotFoundException,
  ConflictException as SchedulerConflictException,
  SchedulerServiceException,
  ValidationException as SchedulerValidationException,
} from '@aws-sdk/client-scheduler'
import {
  DoesNotExistException,
  InvalidDocument,
  InvalidInstanceId,
  InvalidResourceId,
  InvocationDoesNotExist,
  MaxDocumentSizeExceeded,
  ParameterAlreadyExists,
  ParameterNotFound,
  SSMServiceException,
  ValidationException as SsmValidationException,
  TargetNotConnected,
} from '@aws-sdk/client-ssm'
import {
  ExpiredTokenException,
  InvalidAuthorizationMessageException,
  STSServiceException,
} from '@aws-sdk/client-sts'
import type { ServiceException } from './refusal.js'

/** The SDK's exceptions for the errors of the rehearsal account's services. */
export interface Exceptions {
  /** For a code without a class in the SDK. */
  readonly base: ServiceException
  readonly classes: Readonly<Record<string, ServiceException>>
}

const exceptions = (base: unknown, classes: Record<string, unknown>): Exceptions =>
  ({ base, classes }) as Exceptions

// Imported one by one: importing a whole package would add all of it to the bundle, megabytes of EC2.
export const ec2Exceptions = exceptions(EC2ServiceException, {})
export const iamExceptions = exceptions(IAMServiceException, {
  DeleteConflictException,
  EntityAlreadyExistsException,
  LimitExceededException,
  MalformedPolicyDocumentException,
  NoSuchEntityException,
})
export const ssmExceptions = exceptions(SSMServiceException, {
  DoesNotExistException,
  InvalidDocument,
  InvalidInstanceId,
  InvalidResourceId,
  InvocationDoesNotExist,
  MaxDocumentSizeExceeded,
  ParameterAlreadyExists,
  ParameterNotFound,
  TargetNotConnected,
  ValidationException: SsmValidationException,
})
export const schedulerExceptions = exceptions(SchedulerServiceException, {
  ConflictException: SchedulerConflictException,
  ResourceNotFoundException: ScheduleNotFoundException,
  ValidationException: SchedulerValidationException,
})
export const stsExceptions = exceptions(STSServiceException, {
  ExpiredTokenException,
  InvalidAuthorizationMessageException,
})
export const budgetsExceptions = exceptions(BudgetsServiceException, {
  DuplicateRecordException,
  NotFoundException,
})
export const cloudwatchExceptions = exceptions(CloudWatchServiceException, {})
export const bedrockExceptions = exceptions(BedrockServiceException, {
  ConflictException,
  ResourceNotFoundException,
  ThrottlingException,
  ValidationException,
})
