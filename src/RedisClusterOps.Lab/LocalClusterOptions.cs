using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab;

/// <summary>The options of a local cluster.</summary>
internal sealed record LocalClusterOptions
{
    public required ServerBinary Server { get; init; }

    public int Masters { get; init; } = 4;

    /// <summary>The loopback address that all nodes listen on: 127.0.0.1 or ::1. Garnet supports 127.0.0.1 only.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The total number of replicas, assigned to the masters in turn.</summary>
    public int Replicas { get; init; }

    /// <summary>The slots of each master; null for equal shares for all masters except the last, which gets none.</summary>
    public IReadOnlyList<IReadOnlyList<SlotRange>>? Slots { get; init; }

    /// <summary>False to leave the nodes separate, without slots, for a test that forms the cluster itself.</summary>
    public bool IsFormed { get; init; } = true;

    /// <summary>cluster-node-timeout. Below two seconds, nodes on a busy machine suspect each other without cause.</summary>
    public TimeSpan NodeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether keys survive a restart of their node.</summary>
    public bool AppendOnly { get; init; }

    /// <summary>More lines of redis.conf or valkey.conf for every node, such as <c>requirepass …</c>.</summary>
    public IReadOnlyList<string> ConfigLines { get; init; } = [];

    /// <summary>More lines for one node, by its index (masters first).</summary>
    public Func<int, IReadOnlyList<string>>? NodeConfigLines { get; init; }

    /// <summary>More arguments for Garnet, which reads no redis.conf.</summary>
    public IReadOnlyList<string> GarnetArguments { get; init; } = [];

    /// <summary>The certificates for TLS, which all connections then use, also between the nodes. Not supported for Garnet.</summary>
    public LocalTls? Tls { get; init; }

    /// <summary>How the lab itself connects. It must match the password and TLS settings above.</summary>
    public ConnectionOptions Connection { get; init; } = new();

    /// <summary>The cluster outlives this process; <see cref="LabRecord"/> finds it again.</summary>
    public bool Detached { get; init; }

    /// <summary>
    /// Whether SIGTERM and SIGHUP end the cluster at once. False if the program turns these signals into a cancellation and then disposes
    /// of the cluster in its own order.
    /// </summary>
    public bool EndsOnSignals { get; init; } = true;

    /// <summary>How long the nodes may take to start and to agree.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);

    internal IReadOnlyList<IReadOnlyList<SlotRange>> SlotsOrDefault() => Slots ?? SharesFor(Math.Max(Masters - 1, 1), Masters);

    /// <summary>All slots in equal runs to the first <paramref name="owners"/> of <paramref name="masters"/> masters.</summary>
    public static IReadOnlyList<IReadOnlyList<SlotRange>> SharesFor(int owners, int masters)
    {
        const int SlotCount = HashSlot.Count;
        return [.. Enumerable.Range(0, masters).Select(i => i < owners
            ? (IReadOnlyList<SlotRange>)[new SlotRange(i * SlotCount / owners, ((i + 1) * SlotCount / owners) - 1)]
            : [])];
    }
}

/// <summary>PEM files for a cluster that serves TLS.</summary>
internal sealed record LocalTls(string CertificatePath, string KeyPath, string CaPath);
