using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Gets slots that are open, disputed or without an owner in the view of any node, how each affects clients, and the next command to run.
/// </summary>
[Cmdlet(VerbsCommon.Get, "RedisOpenSlot")]
[OutputType(typeof(RedisOpenSlot))]
public sealed class GetRedisOpenSlotCommand : RedisClusterCmdlet
{
    /// <summary>Gets only these slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int[]? Slot { get; set; }

    /// <summary>
    /// Specifies the state file of <c>Get-RedisClusterAlert -StatePath</c>, which adds since when each slot has been open at least, and its
    /// progress since the file was written.
    /// </summary>
    [Parameter]
    public string? StatePath { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        var slots = FilePath(StatePath) is { } file
            ? cluster.GetOpenSlotsAsync(Slot, file, Stop)
            : cluster.GetOpenSlotsAsync(Slot, Stop);
        WriteObject(Await(slots, "Finding open slots"), enumerateCollection: true);
    }
}
