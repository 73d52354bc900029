using System.Collections;
using System.Management.Automation;
using RedisClusterOps.Planning.Rebalance;

namespace RedisClusterOps.Commands;

/// <summary>Works out which slots are to move where, so that the masters have what their weights say, by moving as few as that takes. Reads and counts; changes nothing.</summary>
[Cmdlet(VerbsCommon.New, "RedisRebalancePlan")]
[OutputType(typeof(RedisRebalancePlan))]
public sealed class NewRedisRebalancePlanCommand : RedisClusterCmdlet
{
    /// <summary>Node (id, unique id prefix, or <c>host:port</c>) -> weight; 0 drains the node. A master that is not named has weight 1.</summary>
    [Parameter(Position = 0)]
    public Hashtable? Weight { get; set; }

    /// <summary>Gives slots to masters that have none, too.</summary>
    [Parameter]
    public SwitchParameter UseEmptyMaster { get; set; }

    /// <summary>Percent that a master may be off before anything is moved; 0 for exact. 2 unless told.</summary>
    [Parameter]
    [ValidateRange(0.0, 100.0)]
    public double Threshold { get; set; } = 2;

    /// <summary>What is made even: slots, unless told, or the keys or the memory that they hold.</summary>
    [Parameter]
    public RebalanceMeasure By { get; set; }

    /// <summary>How the slots are going to move: by the servers themselves where they can, unless told.</summary>
    [Parameter]
    public MoveMethod Method { get; set; }

    /// <summary>File to write the plan to, as JSON that holds no password; the plan is emitted as well.</summary>
    [Parameter]
    public string? OutFile { get; set; }

    internal override void Run()
    {
        var options = new RebalanceOptions { Weights = WeightTable.Read(Weight), UseEmptyMaster = UseEmptyMaster, Threshold = Threshold, By = By };
        var plan = Await(Open().PlanRebalanceAsync(options, new MoveOptions { Method = Method }, Stop), "Counting keys");
        if (OutFile is not null)
            PlanFile.Write(GetUnresolvedProviderPathFromPSPath(OutFile), plan);
        WriteObject(plan);
    }
}
