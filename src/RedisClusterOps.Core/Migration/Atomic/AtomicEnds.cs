using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Both ends at one moment: what each believes, and what each lists.</summary>
internal sealed record AtomicLook(NodeView Source, NodeView Target, IReadOnlyList<AtomicTask> Host, IReadOnlyList<AtomicTask> Peer);

/// <summary>Looks at the two nodes that slots move between, and bears it for a while that one of them does not answer.</summary>
internal sealed class AtomicEnds(ClusterReader reader, IAtomicServer server, ClusterNode source, ClusterNode target, AtomicLimits limits, OperationLog? log, IClock clock)
{
    private static readonly TimeSpan SilencePause = TimeSpan.FromMilliseconds(250);

    public async Task<AtomicLook> LookAsync(CancellationToken cancellation)
    {
        var host = ReadAsync(server.Host, cancellation);
        var peer = ReadAsync(server.Peer, cancellation);
        await Task.WhenAll(host, peer).ConfigureAwait(false);
        var (ofHost, ofPeer) = (await host.ConfigureAwait(false), await peer.ConfigureAwait(false));
        return ReferenceEquals(server.Host, source)
            ? new AtomicLook(ofHost.View, ofPeer.View, ofHost.Tasks, ofPeer.Tasks)
            : new AtomicLook(ofPeer.View, ofHost.View, ofHost.Tasks, ofPeer.Tasks);
    }

    /// <summary>The same once both believe alike who owns the slots: one hears of it from the other.</summary>
    /// <exception cref="RedisOperationException">ClusterViewConflict: they do not.</exception>
    public async Task<AtomicLook> SettledAsync(SlotSet slots, CancellationToken cancellation)
    {
        for (var started = clock.Now; ;)
        {
            var look = await LookAsync(cancellation).ConfigureAwait(false);
            var disputed = slots.Slots.Where(slot => look.Source.OwnerOf(slot) != look.Target.OwnerOf(slot)).Take(1).ToList();
            if (disputed.Count == 0)
                return look;
            if (clock.Now - started > limits.Agreement)
            {
                throw new RedisOperationException(
                    FailureCode.ClusterViewConflict, source.Name + " and " + target.Name + " do not agree about the owner of slot " + SlotSet.From(disputed), null, new NextAction(NextActionCode.CheckCluster));
            }

            await clock.PauseAsync(TimeSpan.FromMilliseconds(20), cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>What the host lists.</summary>
    public Task<IReadOnlyList<AtomicTask>> ListAsync(CancellationToken cancellation) =>
        PatientlyAsync(server.Host, () => reader.ReadTasksAsync(server.Host, cancellation), cancellation);

    private Task<(NodeView View, IReadOnlyList<AtomicTask> Tasks)> ReadAsync(ClusterNode node, CancellationToken cancellation) =>
        PatientlyAsync(node, () => reader.ReadEndAsync(node, cancellation), cancellation);

    private async Task<T> PatientlyAsync<T>(ClusterNode node, Func<Task<T>> read, CancellationToken cancellation)
    {
        TimeSpan? silentSince = null;
        while (true)
        {
            var asked = clock.Now;
            try
            {
                return await read().ConfigureAwait(false);
            }
            catch (RedisOperationException failure) when (IsSilence(failure))
            {
                if (silentSince is null)
                    log?.Warning(null, failure.Message.TrimEnd('.') + ". It is waited for.");
                silentSince ??= asked;
                if (clock.Now - silentSince > limits.Silence)
                    throw Silent(node, failure);
            }

            await clock.PauseAsync(SilencePause, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>True where a node does not answer, or has only just been started.</summary>
    public static bool IsSilence(RedisOperationException failure) =>
        failure.Code is FailureCode.ConnectionFailed or FailureCode.NodeUnreachable
        || (failure is RedisServerException { ServerError: var error } && ServerErrors.StartsWith(error, "LOADING"));

    public static RedisOperationException Silent(ClusterNode node, Exception failure) => new(
        FailureCode.NodeUnreachable, node.Name + " does not answer: " + failure.Message.TrimEnd('.'), node.Name, new NextAction(NextActionCode.CheckCluster), failure);
}
