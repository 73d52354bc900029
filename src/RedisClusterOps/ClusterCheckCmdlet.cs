using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>A cmdlet that checks a whole cluster.</summary>
public abstract class ClusterCheckCmdlet : ClusterOnlyCmdlet
{
    /// <summary>Also checks every master for keys of slots that it does not own.</summary>
    [Parameter]
    public SwitchParameter Deep { get; set; }

    /// <summary>Specifies how many replicas every master with slots must have. The default is 0.</summary>
    [Parameter]
    [ValidateRange(0, 16383)]
    public int MinimumReplica { get; set; }

    /// <summary>Reads the cluster and checks it.</summary>
    internal RedisClusterHealth Check() =>
        Await(Open().TestAsync(new HealthOptions { Deep = Deep, MinimumReplica = MinimumReplica }, Stop), "Checking the cluster");
}
