using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading;

namespace RedisClusterOps.Lab;

/// <summary>The record of a running lab on disk, from which a later process ends exactly the servers that were started.</summary>
/// <param name="Server">Display name of the server program.</param>
/// <param name="StartedUtc">The time of the start.</param>
/// <param name="Folder">The folder to remove at the end.</param>
/// <param name="Owner">The process that ends the lab; null for a detached lab, which runs until <see cref="End"/>.</param>
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

    /// <summary>True if no running process will end this lab: it is detached, or its owner died without cleaning up.</summary>
    public bool IsUnowned() => Owner is null || !Owner.IsRunning;

    /// <summary>Gets every lab of this user, newest first.</summary>
    public static IReadOnlyList<LabRecord> All()
    {
        if (!Directory.Exists(RecordFolder))
            return [];
        var records = Directory.EnumerateFiles(RecordFolder, FolderPrefix + "*.json").Select(Read).OfType<LabRecord>();
        return [.. records.OrderByDescending(record => record.StartedUtc)];
    }

    /// <summary>Finds the newest lab that <c>up</c> started and that has a running server; null if there is none.</summary>
    public static LabRecord? FindRunning() =>
        All().FirstOrDefault(lab => lab.Owner is null && lab.Nodes.Any(node => node.Process.IsRunning));

    /// <summary>Ends the servers and removes the folders. A process that merely reuses the id of a server is left alone.</summary>
    /// <returns>The number of servers that were running.</returns>
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
        // The path comes from a file. Only folders with the name of a lab may be removed.
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
                // Windows keeps the files of an ended process open for a moment.
                Thread.Sleep(100);
            }
        }
    }

    private string RecordPath => Path.Combine(RecordFolder, Path.GetFileName(Folder) + ".json");

    // The user's own folder, never a shared one: a forged record there could make the lab end other processes.
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
