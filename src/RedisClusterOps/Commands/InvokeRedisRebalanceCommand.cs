using System.Collections;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Moves slots, with all their keys, until each master has the share that its weight specifies; or carries out an existing plan, if the
/// slots still have the same owners. Clients can access every key at any time.
/// </summary>
[Cmdlet(
    VerbsLifecycle.Invoke,
    "RedisRebalance",
    SupportsShouldProcess = true,
    ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByOptions)]
[OutputType(typeof(RedisSlotMoveResult))]
public sealed class InvokeRedisRebalanceCommand : BulkMoveCmdlet
{
    private const string ByOptions = "Options";

    private const string ByPlan = "Plan";

    private const string ByFile = "PlanFile";

    /// <summary>
    /// Specifies the weight of nodes (id, unique id prefix, or <c>host:port</c>). 0 drains a node. The default weight of a master is 1.
    /// </summary>
    [Parameter(ParameterSetName = ByOptions, Position = 0)]
    public Hashtable? Weight { get; set; }

    /// <summary>Includes masters without slots.</summary>
    [Parameter(ParameterSetName = ByOptions)]
    [Alias("UseEmptyMasters")]
    public SwitchParameter UseEmptyMaster { get; set; }

    /// <summary>
    /// Specifies masters that neither lose nor gain a slot: node ids, unique id prefixes, <c>host:port</c> or ports. The other masters are
    /// balanced among themselves.
    /// </summary>
    [Parameter(ParameterSetName = ByOptions)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string[] Exclude { get; set; } = [];

    /// <summary>Specifies the most slots to move, 1 to 16384; those first that help most. By default, all that are needed.</summary>
    [Parameter(ParameterSetName = ByOptions)]
    [ValidateRange(1, 16384)]
    public int? MaxSlots { get; set; }

    /// <summary>
    /// Specifies by how many percent a master may deviate before slots move; 0 is exact. The default is 2, or 10 by Cpu or Network.
    /// </summary>
    [Parameter(ParameterSetName = ByOptions)]
    [ValidateRange(0.0, 100.0)]
    public double? Threshold { get; set; }

    /// <summary>Specifies what to balance: Slots, the default, the Keys or Memory in them, or their Cpu or Network load.</summary>
    [Parameter(ParameterSetName = ByOptions)]
    public RebalanceMeasure By { get; set; }

    /// <summary>Specifies a plan of <c>New-RedisRebalancePlan</c>. It is rejected if slots have other owners now.</summary>
    [Parameter(ParameterSetName = ByPlan, Mandatory = true, ValueFromPipeline = true)]
    public RedisRebalancePlan? Plan { get; set; }

    /// <summary>Specifies a file of <c>New-RedisRebalancePlan -OutFile</c>. It is rejected if slots have other owners now.</summary>
    [Parameter(ParameterSetName = ByFile, Mandatory = true)]
    public string? PlanFile { get; set; }

    /// <summary>
    /// Keeps a master that loses its last slot a master: sets cluster-allow-replica-migration to no on it during the run. By default, it
    /// becomes a replica of the new owner, and the cmdlet asks first.
    /// </summary>
    [Parameter]
    [Alias("KeepEmptyMasters")]
    public SwitchParameter KeepEmptyMaster { get; set; }

    internal override MoveOptions MoveOptions => base.MoveOptions with { KeepEmptyMaster = KeepEmptyMaster };

    internal override void Run()
    {
        var plan = FilePath(PlanFile) is { } file ? RedisRebalancePlan.Load(file) : Plan;
        // A plan object contains its session. A plan file contains no password, so a session takes precedence over the file.
        var session = Cluster is null && Plan is IClusterResult { Cluster: { } known } ? known
            : FindSession() ?? (plan as IClusterResult)?.Cluster;
        var cluster = Open(session ?? throw ErrorRecords.NoCluster());
        var options = new RebalanceOptions
        {
            Weights = WeightTable.Read(Weight),
            UseEmptyMaster = UseEmptyMaster,
            Exclude = Exclude,
            MaxSlots = MaxSlots,
            Threshold = Threshold ?? RebalanceOptions.DefaultThreshold(By),
            By = By,
        };
        MoveSlots(cluster, plan ?? Await(cluster.PlanRebalanceAsync(options, MoveOptions, Stop), "Counting keys"));
    }
}
