using System.Linq;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>
/// Gets the keys that both nodes of an open slot hold: which copy clients use, and whether the copies are equal. Changes nothing.
/// </summary>
[Cmdlet(VerbsCommon.Get, "RedisKeyConflict")]
[OutputType(typeof(RedisKeyConflict))]
public sealed class GetRedisKeyConflictCommand : RedisClusterCmdlet
{
    /// <summary>
    /// Specifies the slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'. The default is every open slot.
    /// </summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int[]? Slot { get; set; }

    internal override void Run()
    {
        var cluster = Open();
        var slots = Slot ?? Await(cluster.GetOpenSlotsAsync(null, Stop), "Finding open slots").Select(open => open.Slot).ToArray();
        foreach (var slot in slots)
        {
            try
            {
                WriteObject(Await(cluster.GetKeyConflictsAsync(slot, Stop), "Comparing keys"), enumerateCollection: true);
            }
            catch (RedisOperationException failure) when (!failure.ConcernsWholeCluster)
            {
                Fail(slot, failure);
            }
        }
    }
}
