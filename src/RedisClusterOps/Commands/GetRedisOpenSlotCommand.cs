using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Slots that are open, disputed or without an owner, found on every node; what clients see of each, and the command to run next.</summary>
[Cmdlet(VerbsCommon.Get, "RedisOpenSlot")]
[OutputType(typeof(RedisOpenSlot))]
public sealed class GetRedisOpenSlotCommand : RedisClusterCmdlet
{
    /// <summary>Only these slots, 0 to 16383.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int[]? Slot { get; set; }

    /// <summary>The file of a watcher (<c>Get-RedisClusterAlert -StatePath</c>): since when at least a slot has been open, and how fast it got on since the watcher's last look.</summary>
    [Parameter]
    public string? StatePath { get; set; }

    internal override void Run()
    {
        var redis = Open();
        var slots = StatePath is null ? redis.GetOpenSlotsAsync(Slot, Stop) : redis.GetOpenSlotsAsync(Slot, GetUnresolvedProviderPathFromPSPath(StatePath), Stop);
        WriteObject(Await(slots, "Looking for open slots"), enumerateCollection: true);
    }
}
