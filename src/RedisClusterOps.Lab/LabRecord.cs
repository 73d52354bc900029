using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading;

namespace RedisClusterOps.Lab;

/// <summary>What is written down about a running lab, so that a later process can end exactly what was started.</summary>
/// <param name="Server">For people.</param>
/// <param name="StartedUtc">When it was started.</param>
/// <param name="Folder">What to remove in the end.</param>
/// <param name="Owner">The process that ends it; null for a detached one, which waits for <see cref="End"/>.</param>
/// <param name="Nodes">Masters first.</param>
internal sealed record LabRecord(
    string Server, DateTime StartedUtc, string Folder, ProcessMark? Owner, IReadOnlyList<LabRecord.Node> Nodes)
{
    internal const string FolderPrefix = "redisclusterops-lab-";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    internal sealed record Node(string Host, int Port, ProcessMark Process)
    {
        public NodeEndpoint Endpoint() => new(Host, Port);
    }

    /// <summary>The journal of the cmdlets that <c>shell</c> runs on this lab.</summary>
    [JsonIgnore]
    public string JournalFolder => Path.Combine(Folder, "journal");

    /// <summary>True of a lab that nobody else will end: a detached one, or one whose owner died without cleaning up.</summary>
    public bool IsLeftToUs() => Owner is null || !Owner.IsRunning;

    /// <summary>Every lab of this user, newest first.</summary>
    public static IReadOnlyList<LabRecord> All()
    {
        if (!Directory.Exists(RecordFolder))
            return [];
        var records = Directory.EnumerateFiles(RecordFolder, FolderPrefix + "*.json").Select(Read).OfType<LabRecord>();
        return [.. records.OrderByDescending(record => record.StartedUtc)];
    }

    /// <summary>Ends the servers that are still the ones that were started, and removes the folders.</summary>
    /// <returns>How many servers were running.</returns>
    public int End()
    {
        var ended = Nodes.Count(node => node.Process.Kill());
        RemoveFolder(Folder);
        Delete();
        return ended;
    }

    internal static LabRecord Of(LocalCluster cluster, bool detached) => new(
        cluster.Server.Name,
        DateTime.UtcNow,
        cluster.Folder,
        detached ? null : ProcessMark.Current,
        [.. cluster.Nodes.Select(node => new Node(node.Endpoint.Host, node.Endpoint.Port, node.Mark))]);

    internal void Save()
    {
        Directory.CreateDirectory(RecordFolder);
        File.WriteAllText(RecordPath, JsonSerializer.Serialize(this, Indented));
    }

    internal void Delete() => File.Delete(RecordPath);

    internal static void RemoveFolder(string folder)
    {
        // The name comes from a file: only what a lab made is ever removed.
        if (!Path.GetFileName(folder).StartsWith(FolderPrefix, StringComparison.Ordinal))
            return;
        for (var attempt = 0; Directory.Exists(folder); attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException && attempt < 20)
            {
                // Windows holds the files of an ended process a moment longer.
                Thread.Sleep(100);
            }
        }
    }

    private string RecordPath => Path.Combine(RecordFolder, Path.GetFileName(Folder) + ".json");

    // The user's own folder, never a shared one: whoever could write a record there could have processes ended by it.
    private static string RecordFolder
    {
        get
        {
            var own = Environment.GetFolderPath(
                Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return Path.Combine(own.Length > 0 ? own : Path.GetTempPath(), "RedisClusterOps", "lab");
        }
    }

    private static LabRecord? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<LabRecord>(File.ReadAllText(path));
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return null;
        }
    }
}
