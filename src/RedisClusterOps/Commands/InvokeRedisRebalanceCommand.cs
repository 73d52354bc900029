using System.Collections;
using System.Management.Automation;

namespace RedisClusterOps.Commands;

/// <summary>
/// Moves slots, with all their keys, until the masters have what their weights say; or carries out a plan that was made before, if the
/// slots have the same owners as then. Clients see every key all the time.
/// </summary>
[Cmdlet(VerbsLifecycle.Invoke, "RedisRebalance", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, DefaultParameterSetName = ByOptions)]
[OutputType(typeof(RedisSlotMigrationResult))]
public sealed class InvokeRedisRebalanceCommand : WholeSlotCmdlet
{
    private const string ByOptions = "Options";

    private const string ByPlan = "Plan";

    private const string ByFile = "PlanFile";

    /// <summary>Node (id, unique id prefix, or <c>host:port</c>) -> weight; 0 drains the node. A master that is not named has weight 1.</summary>
    [Parameter(ParameterSetName = ByOptions, Position = 0)]
    public Hashtable? Weight { get; set; }

    /// <summary>Gives slots to masters that have none, too.</summary>
    [Parameter(ParameterSetName = ByOptions)]
    public SwitchParameter UseEmptyMaster { get; set; }

    /// <summary>Percent that a master may be off before anything is moved; 0 for exact. 2 unless told.</summary>
    [Parameter(ParameterSetName = ByOptions)]
    [ValidateRange(0.0, 100.0)]
    public double Threshold { get; set; } = 2;

    /// <summary>What is made even: slots, unless told, or the keys or the memory that they hold.</summary>
    [Parameter(ParameterSetName = ByOptions)]
    public RebalanceMeasure By { get; set; }

    /// <summary>A plan of <c>New-RedisRebalancePlan</c>. Refused with what has changed where slots have other owners since.</summary>
    [Parameter(ParameterSetName = ByPlan, Mandatory = true, ValueFromPipeline = true)]
    public RedisRebalancePlan? Plan { get; set; }

    /// <summary>A file that <c>New-RedisRebalancePlan -OutFile</c> wrote. Refused like a plan that no longer fits.</summary>
    [Parameter(ParameterSetName = ByFile, Mandatory = true)]
    public string? PlanFile { get; set; }

    internal override void Run()
    {
        var plan = PlanFile is not null ? RedisClusterOps.Planning.Rebalance.PlanFile.Read(GetUnresolvedProviderPathFromPSPath(PlanFile)) : Plan;
        // A plan knows its cluster, but a file holds no password: there a session comes first.
        var session = Cluster is null && Plan?.Cluster is { } known ? known : FindSession() ?? plan?.Cluster;
        var cluster = Open(session ?? throw ErrorRecords.NoCluster());
        var options = new RebalanceOptions { Weights = WeightTable.Read(Weight), UseEmptyMaster = UseEmptyMaster, Threshold = Threshold, By = By };
        MoveWhole(cluster, plan ?? Await(cluster.PlanRebalanceAsync(options, MoveOptions, Stop), "Counting keys"));
    }
}
