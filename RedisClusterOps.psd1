@{
  RootModule = 'RedisClusterOps.dll'
  ModuleVersion = '0.1.0'
  GUID = '64f52ca1-9254-42ad-a48b-0cfd08757c71'
  Author = 'The RedisClusterOps authors'
  CompanyName = 'The RedisClusterOps authors'
  Copyright = '(c) The RedisClusterOps authors. MIT licence.'
  Description = 'Gets a Redis or Valkey Cluster out of stuck slot migrations without losing a key: says what is wrong and what clients see of it, shows every command it would send, completes, undoes, restarts or repairs slots, moves slots and rebalances masters, and proves the end on every node. No dependency.'
  PowerShellVersion = '5.1'
  CompatiblePSEditions = @('Desktop', 'Core')
  DotNetFrameworkVersion = '4.7.2'
  ProcessorArchitecture = 'None'
  FormatsToProcess = @('RedisClusterOps.Format.ps1xml')
  CmdletsToExport = @(
    'Complete-RedisSlotMigration'
    'Connect-RedisCluster'
    'Disconnect-RedisCluster'
    'Export-RedisClusterReport'
    'Get-RedisClusterAlert'
    'Get-RedisClusterInfo'
    'Get-RedisClusterNode'
    'Get-RedisKeySlot'
    'Get-RedisMigration'
    'Get-RedisOpenSlot'
    'Get-RedisSlotKey'
    'Invoke-RedisRebalance'
    'Measure-RedisClusterLink'
    'Move-RedisSlot'
    'Move-RedisSlotKey'
    'New-RedisRebalancePlan'
    'Repair-RedisCluster'
    'Restart-RedisSlotMigration'
    'Resume-RedisMigration'
    'Show-RedisSlotMap'
    'Start-RedisSlotMigration'
    'Test-RedisCluster'
    'Undo-RedisSlotMigration'
  )
  FunctionsToExport = @()
  AliasesToExport = @()
  VariablesToExport = @()
  PrivateData = @{
    PSData = @{
      Tags = @('Redis', 'Valkey', 'Garnet', 'Cluster', 'Slot', 'Migration', 'Resharding', 'Rebalance', 'SRE', 'Runbook', 'PSEdition_Core', 'PSEdition_Desktop', 'Windows', 'Linux', 'MacOS')
      LicenseUri = 'https://opensource.org/license/mit'
      RequireLicenseAcceptance = $false
      ReleaseNotes = @'
0.1.0
- Diagnoses a cluster: open slots, each with its state, what clients see and the one command to run next.
- Completes, undoes, restarts and repairs stuck slot migrations; resumes and takes back whole runs.
- Moves whole slots and rebalances masters, by the servers themselves where they can.
- Help: about_RedisClusterOps, about_RedisSlotMigration, about_RedisClusterOps_Runbooks.
'@
    }
  }
}
