// loadgen: closed-loop (or paced with --rate) ISO 8583 terminal simulator. One thread, epoll.
#define _GNU_SOURCE
#include "iso.h"
#include "mac.h"
#include "ready.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <errno.h>
#include <time.h>
#include <signal.h>
#include <getopt.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/ioctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#define BODY 152
#define FRAME (BODY+2)
#define FRAME_MAX (FRAME+MAC_FIELD)
typedef struct { uint32_t stan; char d7[10]; uint64_t t0; } slot;
typedef struct {
  int fd, dead; uint32_t stan; int out; slot *sl; char term[9];
  uint8_t *in; int inlen; uint8_t *ob; int oblen; int want_out;
} conn;
static uint64_t now_ns(void){ struct timespec t; clock_gettime(CLOCK_MONOTONIC,&t); return (uint64_t)t.tv_sec*1000000000ull+t.tv_nsec; }
#define SUB 7
static uint64_t hist[64*128], hmax, hcount; static double hsum;
static void hadd(uint64_t v){ if(v>hmax) hmax=v; hcount++; hsum+=v; int l=v<128?0:63-__builtin_clzll(v)-SUB; uint64_t i=v<128?v:(((uint64_t)(l+1))<<SUB)+((v>>l)&127); hist[i]++; }
static double hpct(double p){ uint64_t want=(uint64_t)(p*hcount+0.999999),c=0; if(!hcount) return 0; if(want<1) want=1;
  for(int i=0;i<64*128;i++){ c+=hist[i]; if(c>=want){ uint64_t v; if(i<128) v=i; else { int l=(i>>SUB)-1; v=((uint64_t)(128+(i&127)))<<l; v+=(1ull<<l)/2; } if(v>hmax) v=hmax; return v/1000.0; } } return hmax/1000.0; }
static uint8_t tmpl[FRAME]; static int frame=FRAME; // with DE 64 behind it where there is a MAC
static char dt[11], tm6[7], d4[5]; static time_t dtsec;
enum { O_MTI=2, O_BM=6, O_2=22, O_3=40, O_4=46, O_7=58, O_11=68, O_12=74, O_13=80, O_22=84, O_25=87, O_35=89, O_41=128, O_42=136, O_49=151 };
static void clk(void){ time_t t=time(0); if(t==dtsec) return; dtsec=t; struct tm m; gmtime_r(&t,&m);
  strftime(dt,sizeof dt,"%m%d%H%M%S",&m); strftime(tm6,sizeof tm6,"%H%M%S",&m); strftime(d4,sizeof d4,"%m%d",&m);
  memcpy(tmpl+O_7,dt,10); memcpy(tmpl+O_12,tm6,6); memcpy(tmpl+O_13,d4,4); }
static void mk(void){ memset(tmpl,'0',sizeof tmpl); tmpl[0]=0; tmpl[1]=BODY; memcpy(tmpl+2,"0200",4);
  static const int de[]={2,3,4,7,11,12,13,22,25,35,41,42,49}; uint64_t b=0; for(unsigned i=0;i<sizeof de/sizeof*de;i++) b|=1ull<<(64-de[i]); if(mac_algorithm){ b|=1; frame=FRAME_MAX; tmpl[1]=BODY+MAC_FIELD; }
  char h[17]; sprintf(h,"%016llX",(unsigned long long)b); memcpy(tmpl+O_BM,h,16);
  memcpy(tmpl+O_2,"164111111111111111",18); memcpy(tmpl+O_3,"000000",6); memcpy(tmpl+O_4,"000000001000",12);
  memcpy(tmpl+O_22,"021",3); memcpy(tmpl+O_25,"00",2); memcpy(tmpl+O_35,"374111111111111111=30122011000000000000",39);
  memcpy(tmpl+O_42,"MERCHANT0000001",15); memcpy(tmpl+O_49,"840",3); clk(); }
static int P=1, ep; static conn *C; static int N=1;
static FILE *book; static volatile sig_atomic_t stop; static void on_stop(int s){ (void)s; stop=1; }
// --book: one line a request: DE 41, 11, 7, DE 39 and DE 37 received ('-': none when it stopped or the connection closed).
static void enter(const conn*c,const slot*s,const uint8_t*d39,const uint8_t*d37){ char l[64],*p=l; memcpy(p,c->term,8); p[8]='\t'; iso_put6((uint8_t*)p+9,s->stan); p[15]='\t'; memcpy(p+16,s->d7,10); p[26]='\t'; p+=27;
  if(d39) memcpy(p,d39,2),p+=2; else *p++='-'; *p++='\t'; if(d37) memcpy(p,d37,12),p+=12; else *p++='-'; *p++='\n'; fwrite_unlocked(l,1,p-l,book); }
static uint64_t sent_total, recv_total, e_mti,e_match,e_rc,e_parse,e_closed,e_unk,e_mac;
// Answers other than 00, by DE 39 and by the second in which they came: who plays with the host compares the two.
#define SECONDS_MAX 86400
static uint32_t refused[100], other_codes, *refused_in;
static void refusal(const uint8_t*d39,uint64_t since){ e_rc++; int v=iso_dig(d39,2); if(v<0) other_codes++; else refused[v]++; uint64_t s=since/1000000000ull; if(s<SECONDS_MAX) refused_in[s]++; }
static void flush_conn(conn *c){
  while(c->oblen){ ssize_t r=send(c->fd,c->ob,c->oblen,MSG_NOSIGNAL);
    if(r<0){ if(errno==EAGAIN){ if(!c->want_out){ c->want_out=1; struct epoll_event e={.events=EPOLLIN|EPOLLOUT,.data.u32=(uint32_t)(c-C)}; epoll_ctl(ep,EPOLL_CTL_MOD,c->fd,&e);} return; } if(!c->dead){ c->dead=1; e_closed++; epoll_ctl(ep,EPOLL_CTL_DEL,c->fd,0);} c->oblen=0; return; }
    c->oblen-=r; if(c->oblen) memmove(c->ob,c->ob+r,c->oblen); }
  if(c->want_out){ c->want_out=0; struct epoll_event e={.events=EPOLLIN,.data.u32=(uint32_t)(c-C)}; epoll_ctl(ep,EPOLL_CTL_MOD,c->fd,&e); }
}
static void queue_req(conn *c,uint64_t t){ // caller flushes
  if(c->dead) return;
  c->stan++; if(c->stan>999999) c->stan=1;
  int k=c->stan%P; if(c->sl[k].stan){ for(k=0;k<P&&c->sl[k].stan;k++); if(k==P) return; }
  c->sl[k].stan=c->stan; c->sl[k].t0=t; c->out++; if(book) memcpy(c->sl[k].d7,dt,10);
  uint8_t *p=c->ob+c->oblen; memcpy(p,tmpl,FRAME); iso_put6(p+O_11,c->stan); memcpy(p+O_41,c->term,8); if(mac_algorithm) mac_field(p+2,BODY,p+FRAME); c->oblen+=frame; sent_total++;
}
static double cpu_pid(int pid,double*sys){ *sys=0; char pth[64],b[1024]; sprintf(pth,"/proc/%d/stat",pid); FILE*f=fopen(pth,"r"); if(!f) return -1; size_t n=fread(b,1,1023,f); fclose(f); b[n]=0; char*q=strrchr(b,')'); if(!q) return -1; unsigned long u,s; if(sscanf(q+2,"%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",&u,&s)!=2) return -1; *sys=s*1e6/sysconf(_SC_CLK_TCK); return (u+s)*1e6/sysconf(_SC_CLK_TCK); }
static double cpu_self(void){ struct rusage r; getrusage(RUSAGE_SELF,&r); return (r.ru_utime.tv_sec+r.ru_stime.tv_sec)*1e6+r.ru_utime.tv_usec+r.ru_stime.tv_usec; }
static double sys_busy(void){ FILE*f=fopen("/proc/stat","r"); unsigned long u,n,s,i,w,q,sq,st; double r=0; if(f&&fscanf(f,"cpu %lu %lu %lu %lu %lu %lu %lu %lu",&u,&n,&s,&i,&w,&q,&sq,&st)==8) r=(u+n+s+q+sq+st)*1e6/sysconf(_SC_CLK_TCK); if(f) fclose(f); return r; }
static double sb0;
// calibration: CPU us of one send+recv of 154 bytes on a loopback TCP pair, same thread, 40 ms. Tells how fast the (shared) machine is just now.
static double calib(void){ int l=socket(AF_INET,SOCK_STREAM,0),one=1; struct sockaddr_in a={.sin_family=AF_INET}; a.sin_addr.s_addr=htonl(INADDR_LOOPBACK); socklen_t n=sizeof a; bind(l,(void*)&a,n); listen(l,1); getsockname(l,(void*)&a,&n); int c=socket(AF_INET,SOCK_STREAM,0); connect(c,(void*)&a,n); int d=accept(l,0,0); setsockopt(c,IPPROTO_TCP,TCP_NODELAY,&one,sizeof one); char b[154]={0}; uint64_t t0=now_ns(),t; double c0=cpu_self(); long k=0; do { for(int i=0;i<100;i++){ send(c,b,154,0); recv(d,b,154,0); } k+=100; t=now_ns(); } while(t-t0<40000000); double r=(cpu_self()-c0)/k; close(c);close(d);close(l); return r; }
static uint32_t *idle; static uint64_t ih,it,icap;
int main(int ac,char**av){
  const char*host="127.0.0.1"; int port=9000; double S=5,W=1,rate=0; long base=-1; int cpause=0; int npid=0,pids[16]; const char*label=0; int term_base=0;
  static struct option lo[]={{"host",1,0,'h'},{"port",1,0,'p'},{"conns",1,0,'c'},{"seconds",1,0,'s'},{"warmup",1,0,'w'},{"pipeline",1,0,'P'},{"rate",1,0,'r'},{"stan-base",1,0,'b'},{"pid",1,0,'i'},{"connect-pause-us",1,0,'u'},{"label",1,0,'l'},{"term-base",1,0,'t'},{"book",1,0,'B'},{"mac",1,0,'m'},{"help",0,0,'?'},{0}};
  int o; while((o=getopt_long(ac,av,"",lo,0))!=-1) switch(o){case 'h':host=optarg;break;case 'p':port=atoi(optarg);break;case 'c':N=atoi(optarg);break;case 's':S=atof(optarg);break;case 'w':W=atof(optarg);break;case 'P':P=atoi(optarg);break;case 'r':rate=atof(optarg);break;case 'b':base=atol(optarg);break;case 'u':cpause=atoi(optarg);break;case 'l':label=optarg;break;case 'm':if(mac_open(optarg)) return 2; break;case 't':term_base=atoi(optarg);break;case 'B':if(!(book=fopen(optarg,"w"))){perror(optarg);return 1;} setvbuf(book,0,_IOFBF,1<<20); signal(SIGTERM,on_stop); signal(SIGINT,on_stop);break;
    case 'i':{char*s=strdup(optarg),*q;for(q=strtok(s,",");q&&npid<16;q=strtok(0,","))pids[npid++]=atoi(q);break;}
    default: fprintf(stderr,"loadgen --host H --port P --conns N --seconds S --warmup W --pipeline P [--rate total_tps] [--pid gw[,host..] (CPU us/tx of these processes)] [--stan-base N] [--term-base N] [--connect-pause-us U] [--label text] [--book FILE] [--mac ALGORITHM:KEY]\n"); return 2;}
  struct rlimit rl={N+200,N+200}; struct rlimit cur; getrlimit(RLIMIT_NOFILE,&cur); if(cur.rlim_cur<rl.rlim_cur){ if(cur.rlim_max>rl.rlim_max) rl.rlim_max=cur.rlim_max; if(setrlimit(RLIMIT_NOFILE,&rl)) perror("setrlimit"); }
  double cal=calib(); mk(); refused_in=calloc(SECONDS_MAX,sizeof*refused_in); if(base<0) base=(long)((now_ns()/1000003)%900000);
  C=calloc(N,sizeof*C); ep=epoll_create1(0); icap=(uint64_t)N*P+1; idle=calloc(icap,4);
  struct sockaddr_in sa={.sin_family=AF_INET,.sin_port=htons(port)}; inet_pton(AF_INET,host,&sa.sin_addr);
  uint64_t tc0=now_ns();
  for(int i=0;i<N;i++){ conn*c=C+i; c->fd=socket(AF_INET,SOCK_STREAM,0); if(c->fd<0){perror("socket");return 1;} int one=1;
    setsockopt(c->fd,IPPROTO_TCP,TCP_NODELAY,&one,sizeof one);
    if(N>20000){ setsockopt(c->fd,IPPROTO_IP,24/*IP_BIND_ADDRESS_NO_PORT*/,&one,sizeof one); struct sockaddr_in b={.sin_family=AF_INET}; b.sin_addr.s_addr=htonl(0x7f000002u+i/20000); if(bind(c->fd,(void*)&b,sizeof b)){perror("bind");return 1;} }
    if(connect(c->fd,(void*)&sa,sizeof sa)){ perror("connect"); return 1; }
    int fl=1; ioctl(c->fd,FIONBIO,&fl);
    c->sl=calloc(P,sizeof(slot)); c->in=malloc(4096); c->ob=malloc((size_t)P*FRAME_MAX); c->stan=(uint32_t)base; snprintf(c->term,9,"T%07u",(unsigned)(i+term_base)%10000000u);
    struct epoll_event e={.events=EPOLLIN,.data.u32=i}; epoll_ctl(ep,EPOLL_CTL_ADD,c->fd,&e); if(cpause) usleep(cpause); }
  double conn_s=(now_ns()-tc0)/1e9;
  uint64_t t0=now_ns(), tstart=t0+(uint64_t)(W*1e9), tend=tstart+(uint64_t)(S*1e9); int measuring=0; uint64_t nmeas=0, recv_at_start=0; double sy0[16],sy1[16],cp0[16]={0},cs0=0,cp1[16]={0},cs1=0; uint64_t tm0=0;
  double iv=rate>0?1e9/rate:0, nexts=t0;
  if(rate>0){ for(int k=0;k<P;k++) for(int i=0;i<N;i++){ idle[it++%icap]=i; } }
  else for(int i=0;i<N;i++){ uint64_t t=now_ns(); for(int k=0;k<P;k++) queue_req(C+i,t); flush_conn(C+i); }
  static struct epoll_event ev[1024]; uint64_t now=now_ns(); int over=0; (void)over;
  for(;;){
    struct timespec ts={0,50000000}; 
    if(rate>0){ now=now_ns(); while(nexts<=now && ih<it){ conn*c=C+idle[ih++%icap]; queue_req(c,(uint64_t)nexts); flush_conn(c); nexts+=iv; }
      double d=nexts-now_ns(); if(ih<it){ if(d<0) d=0; if(d<50e6){ ts.tv_nsec=(long)d; } } }
    int n=ready(ep,ev,1024,&ts,0); now=now_ns(); clk();
    if(!measuring && now>=tstart){ measuring=1; tm0=now; recv_at_start=recv_total; memset(hist,0,sizeof hist); hcount=hmax=0; hsum=0; for(int i=0;i<npid;i++) cp0[i]=cpu_pid(pids[i],sy0+i); cs0=cpu_self(); sb0=sys_busy(); }
    if(now>=tend||stop){ nmeas=recv_total-recv_at_start; break; }
    for(int j=0;j<n;j++){ conn*c=C+ev[j].data.u32; if(c->dead) continue;
      if(ev[j].events&EPOLLOUT) flush_conn(c);
      if(!(ev[j].events&(EPOLLIN|EPOLLHUP|EPOLLERR))) continue;
      ssize_t r=recv(c->fd,c->in+c->inlen,4096-c->inlen,0);
      if(r<=0){ if(r<0&&errno==EAGAIN) continue; c->dead=1; e_closed++; epoll_ctl(ep,EPOLL_CTL_DEL,c->fd,0); continue; }
      c->inlen+=r; int p=0; uint64_t tn=now_ns();
      while(c->inlen-p>=2){ int L=c->in[p]<<8|c->in[p+1]; if(L>4000){ e_parse++; c->dead=1; epoll_ctl(ep,EPOLL_CTL_DEL,c->fd,0); break; } if(c->inlen-p<2+L) break;
        const uint8_t*b=c->in+p+2; p+=2+L; iso_field f[129]; uint64_t bm[2];
        if(iso_walk(b,L,f,bm,128)!=L){ e_parse++; continue; }
        if(memcmp(b,"0210",4)){ e_mti++; continue; }
        if(mac_algorithm&&(!iso_has(bm,64)||!mac_good(b,f[64].off))){ e_mac++; continue; }
        if(!iso_has(bm,11)||!iso_has(bm,41)||!iso_has(bm,39)||memcmp(b+f[41].off,c->term,8)){ e_match++; continue; }
        uint32_t st=(uint32_t)iso_dig(b+f[11].off,6); int k=st%P; if(!st||c->sl[k].stan!=st){ for(k=0;k<P&&c->sl[k].stan!=st;k++); if(k==P||!st){ e_unk++; continue; } }
        if(memcmp(b+f[39].off,"00",2)) refusal(b+f[39].off,tn-t0);
        hadd(tn>c->sl[k].t0?tn-c->sl[k].t0:0); if(book) enter(c,&c->sl[k],b+f[39].off,iso_has(bm,37)?b+f[37].off:0); c->sl[k].stan=0; c->out--; recv_total++;
        if(rate>0) idle[it++%icap]=(uint32_t)(c-C); else queue_req(c,tn);
      }
      if(p){ c->inlen-=p; if(c->inlen) memmove(c->in,c->in+p,c->inlen); }
      if(c->oblen&&!c->want_out&&!c->dead) flush_conn(c);
    }
  }
  double el=(now-tm0)/1e9; for(int i=0;i<npid;i++) cp1[i]=cpu_pid(pids[i],sy1+i); cs1=cpu_self(); double other=sys_busy()-sb0-(cs1-cs0); for(int i=0;i<npid;i++) other-=cp1[i]-cp0[i];
  if(book){ for(int i=0;i<N;i++) for(int k=0;k<P;k++) if(C[i].sl[k].stan) enter(C+i,&C[i].sl[k],0,0); if(fclose(book)) perror("book"); }
  uint64_t stalled=0; for(int i=0;i<N;i++) for(int k=0;k<P;k++) if(C[i].sl[k].stan && now-C[i].sl[k].t0>2000000000ull) stalled++;
  uint64_t err=e_mti+e_match+e_rc+e_parse+e_closed+e_unk+e_mac+stalled;
  printf("{"); if(label) printf("\"label\":\"%s\",",label);
  printf("\"conns\":%d,\"pipeline\":%d,\"seconds\":%.2f,\"count\":%llu,\"tps\":%.0f,\"mean_us\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p99_9_us\":%.1f,\"max_us\":%.1f,\"errors\":%llu,\"err\":{\"mti\":%llu,\"mismatch\":%llu,\"unknown_stan\":%llu,\"rc\":%llu,\"mac\":%llu,\"parse\":%llu,\"closed\":%llu,\"stalled_2s\":%llu},\"connect_s\":%.2f,\"loadgen_cpu_us_tx\":%.2f",
   N,P,el,(unsigned long long)nmeas,nmeas/el,hcount?hsum/hcount/1000:0,hpct(.5),hpct(.9),hpct(.99),hpct(.999),hmax/1000.0,(unsigned long long)err,(unsigned long long)e_mti,(unsigned long long)e_match,(unsigned long long)e_unk,(unsigned long long)e_rc,(unsigned long long)e_mac,(unsigned long long)e_parse,(unsigned long long)e_closed,(unsigned long long)stalled,conn_s,nmeas?(cs1-cs0)/nmeas:0);
  printf(",\"calib_us\":%.2f",cal);
  if(npid) printf(",\"other_cores_busy\":%.2f",other/1e6/el);
  // Sends whose time had come, but no terminal was free: the rate was more than could be carried.
  if(rate>0) printf(",\"rate\":%.0f,\"behind\":%.0f",rate,now>nexts?(now-nexts)/iv:0.0);
  printf(",\"refused\":{"); int some=0; for(int i=0;i<100;i++) if(refused[i]) printf("%s\"%02d\":%u",some++?",":"",i,refused[i]); if(other_codes) printf("%s\"other\":%u",some?",":"",other_codes);
  printf("},\"refused_s\":["); some=0; for(int i=0;i<SECONDS_MAX;i++) if(refused_in[i]) printf("%s[%d,%u]",some++?",":"",i,refused_in[i]); printf("]");
  if(npid){ printf(",\"pid_cpu\":{"); for(int i=0;i<npid;i++) printf("%s\"%d\":{\"cpu_us_tx\":%.2f,\"system_us_tx\":%.2f,\"util\":%.3f}",i?",":"",pids[i],nmeas?(cp1[i]-cp0[i])/nmeas:0,nmeas?(sy1[i]-sy0[i])/nmeas:0,(cp1[i]-cp0[i])/1e6/el); printf("}"); }
  printf("}\n"); return err?1:0;
}
