using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Sends a node the present owners of the slots that it imports from a master that failed over.</summary>
/// <remarks>
/// An importing Redis node ignores claims for the slots that it imports (src/cluster_legacy.c: clusterUpdateSlotsConfigWith), so gossip
/// never corrects them. While it attributes one of them to a failed node it answers CLUSTERDOWN for every slot. NODE with the id of another
/// node keeps the importing flag, and so the keys stay visible; STABLE would hide them on Redis 8.4 and later. The node does not own the
/// slots, so it deletes nothing.
/// </remarks>
internal sealed class OwnerCorrection(ClusterReader reader, OperationLog? log)
{
    /// <param name="id">The node.</param>
    /// <param name="stop">Aborts the commands.</param>
    /// <exception cref="RedisOperationException">The node can't be reached.</exception>
    public async Task CorrectAsync(string id, StopRequest stop)
    {
        var view = await reader.ReadAgainAsync(stop.Abort).ConfigureAwait(false);
        if (view.Node(id) is not { IsReachableMaster: true } importer)
            return;
        foreach (var (owner, slots) in view.OutdatedImports(id))
        {
            var correct = new CorrectOwner(slots.Ranges[0].First, importer, owner) { Slots = slots };
            try
            {
                await new SlotCommands(reader).CorrectAsync(correct, stop).ConfigureAwait(false);
                var ranges = Printable.Clean(slots.ToString(), 100);
                log?.State(null, importer.Name + " was sent " + owner.Name + " as the owner of slots " + ranges);
            }
            catch (SlotChangedException)
            {
                // Its role or its members have changed since. The slots' own plans find out.
            }
        }
    }
}
