using System.Collections;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Plans which slots to move so that each master has the share that its weight specifies, with as few moves as possible. Changes nothing.
/// </summary>
[Cmdlet(VerbsCommon.New, "RedisRebalancePlan")]
[OutputType(typeof(RedisRebalancePlan))]
public sealed class NewRedisRebalancePlanCommand : ClusterOnlyCmdlet
{
    /// <summary>
    /// Specifies the weight of nodes (id, unique id prefix, or <c>host:port</c>). 0 drains a node. The default weight of a master is 1.
    /// </summary>
    [Parameter(Position = 0)]
    public Hashtable? Weight { get; set; }

    /// <summary>Includes masters without slots.</summary>
    [Parameter]
    [Alias("UseEmptyMasters")]
    public SwitchParameter UseEmptyMaster { get; set; }

    /// <summary>
    /// Specifies masters that neither lose nor gain a slot: node ids, unique id prefixes, <c>host:port</c> or ports. The other masters are
    /// balanced among themselves.
    /// </summary>
    [Parameter]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string[] Exclude { get; set; } = [];

    /// <summary>Specifies the most slots to move, 1 to 16384; those first that help most. By default, all that are needed.</summary>
    [Parameter]
    [ValidateRange(1, 16384)]
    public int? MaxSlots { get; set; }

    /// <summary>
    /// Specifies by how many percent a master may deviate before slots move; 0 is exact. The default is 2, or 10 by Cpu or Network.
    /// </summary>
    [Parameter]
    [ValidateRange(0.0, 100.0)]
    public double? Threshold { get; set; }

    /// <summary>Specifies what to balance: Slots, the default, the Keys or Memory in them, or their Cpu or Network load.</summary>
    [Parameter]
    public RebalanceMeasure By { get; set; }

    /// <summary>Specifies how the slots will move. The default, Auto, uses the servers' own migration if both masters support it.</summary>
    [Parameter]
    public MoveMethod Method { get; set; }

    /// <summary>Specifies a JSON file to write the plan to, without passwords. The plan is also returned.</summary>
    [Parameter]
    public string? OutFile { get; set; }

    internal override void Run()
    {
        var options = new RebalanceOptions
        {
            Weights = WeightTable.Read(Weight),
            UseEmptyMaster = UseEmptyMaster,
            Exclude = Exclude,
            MaxSlots = MaxSlots,
            Threshold = Threshold ?? RebalanceOptions.DefaultThreshold(By),
            By = By,
        };
        var plan = Await(Open().PlanRebalanceAsync(options, new MoveOptions { Method = Method }, Stop), "Counting keys");
        if (FilePath(OutFile) is { } file)
            plan.Save(file);
        WriteObject(plan);
    }
}
