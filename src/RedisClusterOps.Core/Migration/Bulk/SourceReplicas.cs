using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Waits until the replicas of the source know the new owner of the slots that were handed over last.</summary>
/// <remarks>
/// A replica that takes the place of a dead source claims every slot that its own view still gives to the source, with a higher epoch. A
/// target that owns such a slot drops it and deletes its keys. So at most one batch of slots is in that state.
/// </remarks>
internal sealed class SourceReplicas(ClusterReader reader, ClusterNode source, ClusterNode target, OperationLog? log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WarnAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    // The masters set the flag fail by majority. A replica that has failed takes no part in an election.
    private const NodeFlags NotAsked = NodeFlags.Fail | NodeFlags.Handshake | NodeFlags.NoAddress;

    private readonly HashSet<string> _unreached = new(StringComparer.Ordinal);
    private IReadOnlyList<int> _unconfirmed = [];
    private bool _warned;

    /// <summary>A line is that of a replica of this master, which has not failed.</summary>
    public static Func<NodeLine, bool> IsReplicaOf(string master) =>
        line => line.MasterId == master && (line.Flags & NotAsked) == 0 && line.Endpoint is not null;

    /// <summary>The target is sent NODE for these slots. Only those that it then owns count.</summary>
    public void Expect(IEnumerable<SlotMove> slots) => _unconfirmed = [.. _unconfirmed, .. slots.Select(slot => slot.Slot)];

    /// <summary>Completes when every replica of the source reports the target as the owner of the expected slots.</summary>
    /// <exception cref="RedisOperationException">The source can't be read, or a replica did not report it within 30 seconds.</exception>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    public async Task ConfirmAsync(StopRequest stop)
    {
        if (_unconfirmed.Count == 0)
            return;
        var started = stop.Clock.Now;
        await Polling.UntilAsync(
            async () =>
            {
                var objection = await ObjectionAsync(stop.Abort).ConfigureAwait(false);
                if (objection is null)
                    return true;
                if (stop.Clock.Now - started > Patience)
                    throw Failure(objection);
                if (!_warned && stop.Clock.Now - started > WarnAfter)
                {
                    _warned = true;
                    log?.Warning(null, "Waiting: " + objection + ".");
                }

                return false;
            },
            FirstPause,
            LongestPause,
            stop.PauseAsync).ConfigureAwait(false);
        _unconfirmed = [];
    }

    private async Task<string?> ObjectionAsync(CancellationToken abort)
    {
        var reading = new[] { source, target }.Select(node => reader.ReadNodeAsync(node, abort));
        var ends = await Task.WhenAll(reading).ConfigureAwait(false);
        var (now, owned) = (ends[0], ends[1].Self.Slots);
        // It handed over its last slot and follows the target, or its own replica took its place. The next batch finds out.
        if (!now.Self.IsMaster)
            return null;
        _unconfirmed = [.. _unconfirmed.Where(owned.Contains)];
        var replicas = now.Lines.Where(IsReplicaOf(now.Id));
        var read = await FanOut.AllAsync(replicas, line => ReadAsync(line, abort), abort).ConfigureAwait(false);
        return read.Select(Objection).FirstOrDefault(each => each is not null);
    }

    private string? Objection((string Id, string Name, NodeView? View) replica)
    {
        var name = replica.Name + ", a replica of " + source.Name + ",";
        if (replica.View is not { } view)
        {
            // A replica that this machine could not reach before the run either can't be waited for.
            if (reader.HasReached(replica.Id))
                return name + " does not answer";
            if (_unreached.Add(replica.Id))
            {
                log?.Warning(null, name + " can't be reached from here. If it replaces its master at the moment of a handover, keys may be"
                    + " lost.");
            }

            return null;
        }

        var slot = _unconfirmed.Where(each => view.OwnerOf(each) == source.Id).Select(each => (int?)each).FirstOrDefault();
        return slot is { } open
            ? name + " has not received the new owner of slot " + open.ToString(CultureInfo.InvariantCulture)
            : null;
    }

    private async Task<(string Id, string Name, NodeView? View)> ReadAsync(NodeLine line, CancellationToken abort)
    {
        var name = line.Endpoint!.Value.ToString();
        try
        {
            return (line.Id, name, await reader.ReadListedAsync(line, abort).ConfigureAwait(false));
        }
        catch (RedisOperationException)
        {
            return (line.Id, name, null);
        }
    }

    private RedisOperationException Failure(string objection) => new(
        FailureCode.NodeUnreachable,
        Printable.Clean(objection, 300) + ". If it replaced its master now, keys of slots in transit would be lost, so no more slots were"
            + " handed over to " + target.Name + ". No key is lost; open slots are served by both nodes.",
        source.Name,
        new NextAction(NextActionCode.ShowNodes));
}
