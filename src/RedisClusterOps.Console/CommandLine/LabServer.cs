using System;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>The server that a lab runs.</summary>
internal static class LabServer
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Finds it; says what takes so long where it has to be downloaded first.</summary>
    public static async Task<ServerBinary> FindAsync(Screen screen, CancellationToken stop)
    {
        var search = ServerBinary.FindAsync(stop);
        if (await Task.WhenAny(search, Task.Delay(Patience, stop)) != search)
            screen.Note("no redis-server or valkey-server on PATH; getting garnet-server, which takes longer the first time");
        return await search;
    }
}
