@{
  RootModule = 'RedisClusterOps.dll'
  ModuleVersion = '0.1.0'
  GUID = '64f52ca1-9254-42ad-a48b-0cfd08757c71'
  Author = 'The RedisClusterOps authors'
  CompanyName = 'The RedisClusterOps authors'
  Copyright = '(c) The RedisClusterOps authors. MIT licence.'
  Description = 'Repairs stuck slot migrations of a Redis or Valkey Cluster without losing a key. Shows what is wrong, the effect on clients, and every command before it is sent. Completes, undoes, restarts or repairs slot migrations, moves slots, rebalances masters, and verifies the result on every node. No dependencies.'
  PowerShellVersion = '5.1'
  CompatiblePSEditions = @('Desktop', 'Core')
  DotNetFrameworkVersion = '4.7.2'
  ProcessorArchitecture = 'None'
  TypesToProcess = @('RedisClusterOps.Types.ps1xml')
  FormatsToProcess = @('RedisClusterOps.Format.ps1xml')
  CmdletsToExport = @(
    'Add-RedisClusterNode'
    'Complete-RedisSlotMigration'
    'Connect-RedisCluster'
    'Disconnect-RedisCluster'
    'Export-RedisClusterReport'
    'Get-RedisClusterAlert'
    'Get-RedisClusterHealth'
    'Get-RedisClusterInfo'
    'Get-RedisClusterNode'
    'Get-RedisKeyConflict'
    'Get-RedisKeySlot'
    'Get-RedisMigration'
    'Get-RedisOpenSlot'
    'Get-RedisSlotKey'
    'Get-RedisSlotLoad'
    'Invoke-RedisClusterCommand'
    'Invoke-RedisClusterFailover'
    'Invoke-RedisRebalance'
    'Measure-RedisClusterClient'
    'Measure-RedisClusterLink'
    'Measure-RedisClusterTraffic'
    'Move-RedisSlot'
    'Move-RedisSlotKey'
    'New-RedisCluster'
    'New-RedisRebalancePlan'
    'Remove-RedisClusterNode'
    'Repair-RedisCluster'
    'Restart-RedisSlotMigration'
    'Restore-RedisKey'
    'Resume-RedisMigration'
    'Set-RedisClusterReplica'
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
- Diagnoses a cluster: every open slot with its state, the effect on clients and the next command.
- Completes, undoes, restarts and repairs stuck slot migrations; resumes and undoes whole runs.
- Moves whole slots and rebalances masters, with the servers' own slot migration if they support it.
- Help: about_RedisClusterOps, about_RedisSlotMigration, about_RedisClusterOps_Runbooks.
'@
    }
  }
}
