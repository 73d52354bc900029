using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>Checks a cluster in the view of every node. Each finding has its effect on clients and the next command to run.</summary>
[Cmdlet(VerbsDiagnostic.Test, "RedisCluster")]
[OutputType(typeof(RedisClusterHealth), typeof(bool))]
public sealed class TestRedisClusterCommand : RedisClusterCmdlet
{
    /// <summary>Returns only true or false: true if no finding is an error or a warning.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Also checks every master for keys of slots that it does not own.</summary>
    [Parameter]
    public SwitchParameter Deep { get; set; }

    /// <summary>Specifies how many replicas every master with slots must have. The default is 0.</summary>
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
