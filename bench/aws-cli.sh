#!/usr/bin/env bash
# A lab's nine resources by the AWS CLI alone, as a careful person would script it: make, look or remove.
set -euo pipefail
export AWS_PAGER='' AWS_DEFAULT_OUTPUT=text

role=LibreChatInstanceRole group=LibreChatSecurityGroup name=LibreChat parameter=/librechat-lab/cli/spec
trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["bedrock:InvokeModel","bedrock:InvokeModelWithResponseStream"],"Resource":"arn:aws:bedrock:*::foundation-model/*"}]}'
managed=arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore
image=/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64
tags() { echo "ResourceType=$1,Tags=[{Key=Name,Value=$name}]"; }
instance() {
  aws ec2 describe-instances --filters "Name=tag:Name,Values=$name" \
    Name=instance-state-name,Values=pending,running --query 'Reservations[0].Instances[0].InstanceId'
}

make() {
  aws ssm put-parameter --name $parameter --type String --value '{}' >/dev/null
  aws iam create-role --role-name $role --assume-role-policy-document "$trust" >/dev/null
  aws iam attach-role-policy --role-name $role --policy-arn $managed
  aws iam put-role-policy --role-name $role --policy-name bedrock --policy-document "$policy"
  aws iam create-instance-profile --instance-profile-name $role >/dev/null
  aws iam add-role-to-instance-profile --instance-profile-name $role --role-name $role
  vpc=$(aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId')
  subnet=$(aws ec2 describe-subnets --filters "Name=vpc-id,Values=$vpc" \
    Name=availability-zone,Values=us-east-1a --query 'Subnets[0].SubnetId')
  ami=$(aws ssm get-parameter --name $image --query Parameter.Value)
  sg=$(aws ec2 create-security-group --group-name $group --description "$name" --vpc-id "$vpc" --query GroupId)
  for port in 80 443 9443; do
    aws ec2 authorize-security-group-ingress --group-id "$sg" --protocol tcp --port $port --cidr 81.2.69.160/32 >/dev/null
  done
  id=$(aws ec2 run-instances --image-id "$ami" --instance-type t3.medium --subnet-id "$subnet" \
    --security-group-ids "$sg" --iam-instance-profile "Name=$role" --metadata-options HttpTokens=required \
    --tag-specifications "$(tags instance)" --query 'Instances[0].InstanceId')
  address=$(aws ec2 allocate-address --domain vpc --tag-specifications "$(tags elastic-ip)" --query AllocationId)
  aws ec2 wait instance-running --instance-ids "$id"
  aws ec2 associate-address --instance-id "$id" --allocation-id "$address" >/dev/null
}

look() {
  aws ssm get-parameter --name $parameter >/dev/null
  aws iam get-role --role-name $role >/dev/null
  aws iam list-attached-role-policies --role-name $role >/dev/null
  aws iam get-role-policy --role-name $role --policy-name bedrock >/dev/null
  aws iam get-instance-profile --instance-profile-name $role >/dev/null
  aws ec2 describe-security-groups --filters "Name=group-name,Values=$group" >/dev/null
  aws ec2 describe-addresses --filters "Name=tag:Name,Values=$name" >/dev/null
  instance >/dev/null
}

remove() {
  id=$(instance)
  read -r address association <<<"$(aws ec2 describe-addresses --filters "Name=tag:Name,Values=$name" \
    --query 'Addresses[0].[AllocationId,AssociationId]')"
  sg=$(aws ec2 describe-security-groups --filters "Name=group-name,Values=$group" --query 'SecurityGroups[0].GroupId')
  aws ec2 disassociate-address --association-id "$association"
  aws ec2 release-address --allocation-id "$address"
  aws ec2 terminate-instances --instance-ids "$id" >/dev/null
  aws ec2 wait instance-terminated --instance-ids "$id"
  aws ec2 delete-security-group --group-id "$sg" >/dev/null
  aws iam remove-role-from-instance-profile --instance-profile-name $role --role-name $role
  aws iam delete-instance-profile --instance-profile-name $role
  aws iam detach-role-policy --role-name $role --policy-arn $managed
  aws iam delete-role-policy --role-name $role --policy-name bedrock
  aws iam delete-role --role-name $role
  aws ssm delete-parameter --name $parameter
}

"$1"
