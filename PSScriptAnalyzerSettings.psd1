@{
  Severity = @('Error', 'Warning')
  Rules = @{
    PSUseCompatibleSyntax = @{
      Enable = $true
      TargetVersions = @('5.1', '7.0')
    }
  }
}
