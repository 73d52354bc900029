using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Moves slots, with all their keys, to one master: slots that are named, a number of them, or all that a master has. Clients see every key all the time.</summary>
[Cmdlet(VerbsCommon.Move, "RedisSlot", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium, DefaultParameterSetName = FromSources)]
[OutputType(typeof(RedisSlotMigrationResult))]
public sealed class MoveRedisSlotCommand : WholeSlotCmdlet
{
    private const string Named = "Slot";

    private const string FromSources = "Source";

    private readonly List<Asked> _asked = [];

    /// <summary>The slots, 0 to 16383; such as <c>5519</c>, <c>(0..99)</c>, or from the pipeline.</summary>
    [Parameter(ParameterSetName = Named, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int[] Slot { get; set; } = [];

    /// <summary>How many slots, 1 to 16384, from the sources in proportion to what they have. Without it, and without slots, all that the sources have.</summary>
    [Parameter(ParameterSetName = FromSources)]
    [ValidateRange(1, 16384)]
    public int? Count { get; set; }

    /// <summary>The masters that slots leave: node ids, unique id prefixes, or <c>host:port</c>; <c>*</c> for all but the target. Named slots come from whoever owns them unless told.</summary>
    [Parameter(ParameterSetName = FromSources, Mandatory = true)]
    [Parameter(ParameterSetName = Named, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string[]? Source { get; set; }

    /// <summary>The master that the slots go to: node id, unique id prefix, or <c>host:port</c>.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string Target { get; set; } = string.Empty;

    internal override void Run() => _asked.Add(new Asked(FindSession() ?? throw ErrorRecords.NoCluster(), Source, Target, [.. Slot]));

    // Slots of the whole pipeline that go to one master are one plan, one question for each pair, one run.
    internal override void Finish()
    {
        foreach (var (asked, slots) in _asked.GroupBy(one => one.Key).Select(group => (group.First(), group.SelectMany(one => one.Slots).ToList())).ToList())
        {
            var selection = new SlotSelection { Slots = ParameterSetName == Named ? slots : null, Count = Count, Sources = asked.Sources, Target = asked.Target };
            var cluster = Open(asked.Cluster);
            MoveWhole(cluster, Await(cluster.PlanMoveAsync(selection, MoveOptions, Stop), "Counting keys"));
        }
    }

    private sealed record Asked(RedisClusterSession Cluster, string[]? Sources, string Target, IReadOnlyList<int> Slots)
    {
        public (RedisClusterSession, string, string?) Key => (Cluster, Target, Sources is null ? null : string.Join("\n", Sources));
    }
}
