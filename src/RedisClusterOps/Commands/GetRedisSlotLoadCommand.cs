using System;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Gets the load of slots, as their owners count it: keys, memory, CPU time and network bytes.</summary>
[Cmdlet(VerbsCommon.Get, "RedisSlotLoad")]
[OutputType(typeof(RedisSlotLoad))]
public sealed class GetRedisSlotLoadCommand : RedisClusterCmdlet
{
    /// <summary>Gets only these slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int[]? Slot { get; set; }

    /// <summary>Specifies the order, the highest first: Keys, the default, Memory, Cpu, NetworkIn or NetworkOut.</summary>
    [Parameter]
    public SlotLoadMeasure OrderBy { get; set; }

    /// <summary>Specifies the maximum number of slots. By default, all.</summary>
    [Parameter]
    [ValidateRange(1, 16384)]
    public int? First { get; set; }

    /// <summary>Gets only slots of these nodes: id, id prefix, <c>host:port</c> or port; wildcards are allowed.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[]? Node { get; set; }

    /// <summary>Counts CPU time and bytes for this time. By default, the totals that the servers have counted.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Interval { get; set; }

    internal override void Run()
    {
        var loads = Await(Open().GetSlotLoadsAsync(OrderBy, First, Node, Slot, Interval, Stop), "Reading the load of slots");
        WriteObject(loads, enumerateCollection: true);
    }
}
