using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Tests whether a cluster is healthy in the view of every node: true if no finding is an error or a warning. Each finding of severity
/// Error is also a warning with the next command to run.
/// </summary>
[Cmdlet(VerbsDiagnostic.Test, "RedisCluster")]
[OutputType(typeof(bool))]
public sealed class TestRedisClusterCommand : ClusterCheckCmdlet
{
    /// <summary>Writes no warnings.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    internal override void Run()
    {
        var health = Check();
        foreach (var finding in health.Findings.Where(finding => !Quiet && finding.Severity == FindingSeverity.Error))
        {
            var next = finding.Advice.Length == 0 ? string.Empty : " Next: " + finding.Advice;
            WriteWarning(finding.Code + " " + finding.Target + ": " + finding.Message + next);
        }

        WriteObject(health.Healthy);
    }
}
