using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Moves slots, with all their keys, to one master: specific slots, a number of slots, or all slots of a master. Clients can access every
/// key at any time.
/// </summary>
[Cmdlet(
    VerbsCommon.Move,
    "RedisSlot",
    SupportsShouldProcess = true,
    ConfirmImpact = ConfirmImpact.Medium,
    DefaultParameterSetName = FromSources)]
[OutputType(typeof(RedisSlotMoveResult))]
public sealed class MoveRedisSlotCommand : BulkMoveCmdlet
{
    private const string BySlot = "Slot";

    private const string FromSources = "Source";

    private readonly List<Request> _requests = [];

    /// <summary>Specifies the slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(ParameterSetName = BySlot, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int[] Slot { get; set; } = [];

    /// <summary>
    /// Specifies the number of slots, 1 to 16384, taken from the sources in proportion to their slots. By default, all slots of the
    /// sources.
    /// </summary>
    [Parameter(ParameterSetName = FromSources)]
    [ValidateRange(1, 16384)]
    public int? Count { get; set; }

    /// <summary>
    /// Specifies the masters that the slots leave: node ids, unique id prefixes, <c>host:port</c> or ports; <c>*</c> for all but the
    /// target. With -Slot, the default is the current owner of each slot.
    /// </summary>
    [Parameter(ParameterSetName = FromSources, Mandatory = true)]
    [Parameter(ParameterSetName = BySlot, ValueFromPipelineByPropertyName = true)]
    [Alias("From")]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string[]? Source { get; set; }

    /// <summary>Specifies the master that receives the slots: node id, unique id prefix, <c>host:port</c> or port.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Alias("To")]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string Target { get; set; } = string.Empty;

    /// <summary>
    /// Keeps a master that loses its last slot a master: sets cluster-allow-replica-migration to no on it during the run. By default, it
    /// becomes a replica of the new owner, and the cmdlet asks first.
    /// </summary>
    [Parameter]
    [Alias("KeepEmptyMasters")]
    public SwitchParameter KeepEmptyMaster { get; set; }

    internal override MoveOptions MoveOptions => base.MoveOptions with { KeepEmptyMaster = KeepEmptyMaster };

    internal override void Run() => _requests.Add(new Request(GetSession(), Source, Target, [.. Slot]));

    // All slots of the pipeline with one target form one plan, with one prompt for each pair of masters, and one run.
    internal override void Finish()
    {
        foreach (var group in _requests.GroupBy(request => request.Key))
        {
            var request = group.First();
            var selection = new SlotSelection
            {
                Slots = ParameterSetName == BySlot ? group.SelectMany(one => one.Slots).ToList() : null,
                Count = Count,
                Sources = request.Sources,
                Target = request.Target,
            };
            var cluster = Open(request.Cluster);
            MoveSlots(cluster, Await(cluster.PlanMoveAsync(selection, MoveOptions, Stop), "Counting keys"));
        }
    }

    private sealed record Request(RedisClusterSession Cluster, string[]? Sources, string Target, IReadOnlyList<int> Slots)
    {
        public (RedisClusterSession, string, string?) Key => (Cluster, Target, Sources is null ? null : string.Join("\n", Sources));
    }
}
