using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Checks a cluster as every one of its nodes sees it: findings, each with what clients notice and the command to run.</summary>
[Cmdlet(VerbsDiagnostic.Test, "RedisCluster")]
[OutputType(typeof(RedisClusterHealth), typeof(bool))]
public sealed class TestRedisClusterCommand : RedisClusterCmdlet
{
    /// <summary>Only true or false: whether no finding is an error or a warning.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Also look on every master for keys of slots that it does not own.</summary>
    [Parameter]
    public SwitchParameter Deep { get; set; }

    /// <summary>Replicas that every master with slots must have. 0 unless told.</summary>
    [Parameter]
    [ValidateRange(0, 16383)]
    public int MinimumReplica { get; set; }

    internal override void Run()
    {
        var options = new HealthOptions { Deep = Deep, MinimumReplica = MinimumReplica };
        var health = Await(Open().TestAsync(options, Stop), "Checking the cluster");
        WriteObject(Quiet ? health.Healthy : health);
    }
}
