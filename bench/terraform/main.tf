# A lab's nine resources, for Terraform's AWS provider against an emulator.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" { type = string }

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  endpoints {
    ec2 = var.endpoint
    iam = var.endpoint
    ssm = var.endpoint
    sts = var.endpoint
  }
}

data "aws_vpc" "default" { default = true }
data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
  filter {
    name   = "availability-zone"
    values = ["us-east-1a"]
  }
}
data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

resource "aws_ssm_parameter" "spec" {
  name  = "/librechat-lab/terraform/spec"
  type  = "String"
  value = "{}"
}
resource "aws_iam_role" "lab" {
  name = "LibreChatInstanceRole"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}
resource "aws_iam_role_policy_attachment" "ssm" {
  role       = aws_iam_role.lab.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
resource "aws_iam_role_policy" "bedrock" {
  role = aws_iam_role.lab.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      Resource = "arn:aws:bedrock:*::foundation-model/*"
    }]
  })
}
resource "aws_iam_instance_profile" "lab" {
  name = "LibreChatInstanceRole"
  role = aws_iam_role.lab.name
}
resource "aws_security_group" "lab" {
  name   = "LibreChatSecurityGroup"
  vpc_id = data.aws_vpc.default.id
  dynamic "ingress" {
    for_each = [80, 443, 9443]
    content {
      protocol    = "tcp"
      from_port   = ingress.value
      to_port     = ingress.value
      cidr_blocks = ["81.2.69.160/32"]
    }
  }
  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_instance" "lab" {
  ami                    = data.aws_ssm_parameter.image.insecure_value
  instance_type          = "t3.medium"
  subnet_id              = data.aws_subnets.default.ids[0]
  vpc_security_group_ids = [aws_security_group.lab.id]
  iam_instance_profile   = aws_iam_instance_profile.lab.name
  metadata_options { http_tokens = "required" }
  tags = { Name = "LibreChat" }
}
resource "aws_eip" "lab" { domain = "vpc" }
resource "aws_eip_association" "lab" {
  instance_id   = aws_instance.lab.id
  allocation_id = aws_eip.lab.id
}
