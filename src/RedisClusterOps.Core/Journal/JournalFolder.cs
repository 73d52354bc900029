using System;
using System.IO;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>The folder of runs, locks and saved values. Only its owner can read it.</summary>
internal sealed class JournalFolder
{
    /// <summary>The environment variable that names the folder if no parameter does.</summary>
    public const string Variable = "REDISCLUSTEROPS_JOURNAL";

    private JournalFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>One file per run.</summary>
    public string Runs => System.IO.Path.Combine(Path, "runs");

    /// <summary>One lock per cluster, and a file that names its holder.</summary>
    public string Locks => System.IO.Path.Combine(Path, "locks");

    /// <summary>The saved values of key conflicts.</summary>
    public string Conflicts => System.IO.Path.Combine(Path, "conflicts");

    /// <param name="path">Null for the folder that the environment variable names, or else the user's folder for application data.</param>
    /// <exception cref="RedisOperationException">JournalUnavailable: the path is invalid.</exception>
    public static JournalFolder At(string? path = null)
    {
        var named = string.IsNullOrEmpty(path) ? Environment.GetEnvironmentVariable(Variable) : path;
        try
        {
            return new JournalFolder(System.IO.Path.GetFullPath(string.IsNullOrEmpty(named) ? Default() : named));
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw Unavailable(named ?? string.Empty, failure);
        }
    }

    /// <summary>
    /// The folder of the locks: the user's own folder if there is one, so that runs with different journals use the same lock.
    /// </summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: neither folder can be used.</exception>
    public static JournalFolder ForLocks(JournalFolder named)
    {
        try
        {
            var own = At();
            own.Create(own.Locks);
            return own;
        }
        catch (RedisOperationException unavailable) when (unavailable.Code == FailureCode.JournalUnavailable)
        {
            return named;
        }
    }

    /// <summary>Creates one of the folders if it does not exist.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public void Create(string folder)
    {
        try
        {
            CreateOwnerOnly(Path);
            CreateOwnerOnly(folder);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw Unavailable(folder, failure);
        }
    }

    public static RedisOperationException Unavailable(string path, Exception why) => Trouble(path, "written", why);

    /// <summary>The journal exists but can't be read.</summary>
    public static RedisOperationException Unreadable(string path, Exception why) => Trouble(path, "read", why);

    private static RedisOperationException Trouble(string path, string what, Exception why) => new(
        FailureCode.JournalUnavailable,
        "The journal can't be " + what + " at '" + Printable.Clean(path) + "': " + Printable.Clean(why.Message).TrimEnd('.') + ".",
        path,
        new NextAction(NextActionCode.Repeat) { JournalPath = "<a folder that can be " + what + ">" },
        why);

    private static string Default()
    {
        var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        // A service account may have no home directory.
        return data.Length > 0
            ? System.IO.Path.Combine(data, "RedisClusterOps")
            : throw new IOException("this user has no folder for application data");
    }

    // An existing folder keeps its mode. The files in it are restricted in any case.
    private static void CreateOwnerOnly(string folder)
    {
        var made = !Directory.Exists(folder);
        Directory.CreateDirectory(folder);
        if (made)
            WholeFile.RestrictFolderToOwner(folder);
    }
}
