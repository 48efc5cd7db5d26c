// hostsim: upstream host (bank switch) simulator. One thread, epoll, batches writes per wakeup.
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
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#define INCAP 65536
#define MAXF 2048
typedef struct { int fd; uint32_t gen; uint8_t*in; int inlen; uint8_t*ob; size_t oblen,obcap,oboff; int want_out, dirty; } conn;
typedef struct { uint64_t due; int fd; uint32_t gen; uint16_t len; uint8_t d[560]; } dly;
static conn **C; static int cap; static int ep; static uint64_t total,bad; static uint32_t gen;
static uint64_t now_ns(void){ struct timespec t; clock_gettime(CLOCK_MONOTONIC,&t); return (uint64_t)t.tv_sec*1000000000ull+t.tv_nsec; }
static int *dirty; static int ndirty;
static dly *Q; static uint64_t qh,qt,qcap=1<<15;
static FILE *book; static volatile sig_atomic_t stop; static void on_stop(int s){ (void)s; stop=1; }
// --book: one line for each request that reached the host, when it is decided (an answer that is then lost still stands here: the host has booked it).
static char *col(char*p,const uint8_t*b,const iso_field*f,const uint64_t*bm,int de){ if(iso_has(bm,de)){ memcpy(p,b+f[de].off,f[de].len); p+=f[de].len; } else *p++='-'; *p++='\t'; return p; }
static void enter(const uint8_t*b,int n,const uint8_t*o,int k,int answered){
  iso_field f[129],g[129]; uint64_t bm[2],om[2]; iso_walk(b,n,f,bm,90); iso_walk(o+2,k-2,g,om,39); static char l[MAXF]; char*p=l; memcpy(p,b,4); p+=4; *p++='\t';
  p=col(p,b,f,bm,11); p=col(p,b,f,bm,7); p=col(p,b,f,bm,41); p=col(p,b,f,bm,4); p=col(p,o+2,g,om,37); p=col(p,b,f,bm,90);
  if(answered) memcpy(p,o+2+g[39].off,2),p+=2; else *p++='-'; *p++='\n'; fwrite_unlocked(l,1,p-l,book); }
static void drop(conn*c){ C[c->fd]=0; close(c->fd); free(c->in); free(c->ob); c->gen=0; free(c); }
static void app(conn*c,const uint8_t*d,size_t n){ if(c->oblen+n>c->obcap){ c->obcap=(c->oblen+n)*2+4096; c->ob=realloc(c->ob,c->obcap);} memcpy(c->ob+c->oblen,d,n); c->oblen+=n; if(!c->dirty){ c->dirty=1; dirty[ndirty++]=c->fd; } }
static int flushc(conn*c){ while(c->oboff<c->oblen){ ssize_t r=send(c->fd,c->ob+c->oboff,c->oblen-c->oboff,MSG_NOSIGNAL); if(r<0){ if(errno==EAGAIN){ if(!c->want_out){ c->want_out=1; struct epoll_event e={.events=EPOLLIN|EPOLLOUT,.data.fd=c->fd}; epoll_ctl(ep,EPOLL_CTL_MOD,c->fd,&e);} return 0;} return -1;} c->oboff+=r; }
  c->oboff=c->oblen=0; if(c->want_out){ c->want_out=0; struct epoll_event e={.events=EPOLLIN,.data.fd=c->fd}; epoll_ctl(ep,EPOLL_CTL_MOD,c->fd,&e);} return 0; }
// build the response frame into o, return its length (with the 2-byte header), 0 = no answer
static int respond(const uint8_t*b,int n,uint8_t*o){
  iso_field f[129]; uint64_t bm[2]; if(iso_walk(b,n,f,bm,128)!=n||n>MAXF-64){ bad++; return 0; }
  int cls=b[1], fn=b[2], mac=mac_algorithm&&cls!='8', place=bm[1]&~1ull?128:64; // DE 64, or DE 128 behind a second bitmap
  if(mac&&(!iso_has(bm,place)||!mac_good(b,f[place].off))){ bad++; return 0; }
  if((fn!='0'&&fn!='2')||cls<'1'||cls>'8') { bad++; return 0; }
  uint64_t m=bm[0]; int fin=cls=='1'||cls=='2';
  m&=~((1ull<<(64-35))|(1ull<<(64-36))|(1ull<<(64-45))|(1ull<<(64-52))|1ull|(1ull<<(64-37))|(1ull<<(64-38))|(1ull<<(64-39)));
  m|=1ull<<(64-39); if(cls!='8') m|=1ull<<(64-37); if(fin) m|=1ull<<(64-38);
  uint64_t m2=bm[1]&~1ull; if(mac&&place==64) m|=1; if(mac&&place==128) m2|=1; if(m2) m|=1ull<<63; else m&=~(1ull<<63);
  uint8_t*p=o+2; memcpy(p,b,2); p[2]=fn+1; p[3]='0'; p+=4;
  static const char H[]="0123456789ABCDEF"; for(int i=60;i>=0;i-=4) *p++=H[(m>>i)&15]; if(m2) for(int i=60;i>=0;i-=4) *p++=H[(m2>>i)&15];
  for(int half=0;half<2;half++){ uint64_t w=half?m2:(m&~(1ull<<63)); while(w){ int l=__builtin_clzll(w); w&=~(1ull<<(63-l)); int de=half*64+l+1;
    if(mac&&de==place){ mac_field(o+2,(int)(p-o)-2,p); p+=MAC_FIELD; }
    else if(de==39){ *p++='0';*p++='0'; }
    else if(de==37){ memcpy(p,"RRN000",6); if(iso_has(bm,11)) memcpy(p+6,b+f[11].off,6); else memset(p+6,'0',6); p+=12; }
    else if(de==38){ if(iso_has(bm,11)) memcpy(p,b+f[11].off,6); else memset(p,'0',6); p+=6; }
    else { int k=f[de].off-f[de].start+f[de].len; memcpy(p,b+f[de].start,k); p+=k; } } }
  int L=(int)(p-o)-2; o[0]=L>>8; o[1]=L; return L+2; }
int main(int ac,char**av){ const char*host="127.0.0.1"; int port=9100; long delay=0, drop_every=0;
  static struct option lo[]={{"host",1,0,'h'},{"port",1,0,'p'},{"delay-us",1,0,'d'},{"drop-every",1,0,'x'},{"book",1,0,'B'},{"mac",1,0,'m'},{"help",0,0,'?'},{0}};
  int o; while((o=getopt_long(ac,av,"",lo,0))!=-1) switch(o){case 'h':host=optarg;break;case 'p':port=atoi(optarg);break;case 'd':delay=atol(optarg);break;case 'm':if(mac_open(optarg)) return 2; break;case 'x':drop_every=atol(optarg);break;case 'B':if(!(book=fopen(optarg,"w"))){perror(optarg);return 1;} setvbuf(book,0,_IOFBF,1<<20);break;default:fprintf(stderr,"hostsim --host H --port P [--delay-us U] [--drop-every N] [--book FILE] [--mac ALGORITHM:KEY]\n");return 2;}
  sigset_t old; if(book){ sigset_t b; sigemptyset(&b); sigaddset(&b,SIGTERM); sigaddset(&b,SIGINT); sigprocmask(SIG_BLOCK,&b,&old); sigdelset(&old,SIGTERM); sigdelset(&old,SIGINT); signal(SIGTERM,on_stop); signal(SIGINT,on_stop); } // delivered while waiting only
  struct rlimit rl={200000,200000}; if(setrlimit(RLIMIT_NOFILE,&rl)){ getrlimit(RLIMIT_NOFILE,&rl); rl.rlim_cur=rl.rlim_max; setrlimit(RLIMIT_NOFILE,&rl);} getrlimit(RLIMIT_NOFILE,&rl); cap=(int)rl.rlim_cur+16; C=calloc(cap,sizeof*C); dirty=calloc(cap,sizeof(int)); if(delay) Q=malloc(qcap*sizeof*Q);
  int ls=socket(AF_INET,SOCK_STREAM,0),one=1; setsockopt(ls,SOL_SOCKET,SO_REUSEADDR,&one,sizeof one); struct sockaddr_in sa={.sin_family=AF_INET,.sin_port=htons(port)}; inet_pton(AF_INET,host,&sa.sin_addr); if(bind(ls,(void*)&sa,sizeof sa)||listen(ls,65535)){perror("bind");return 1;} ioctl(ls,FIONBIO,&one);
  ep=epoll_create1(0); struct epoll_event e={.events=EPOLLIN,.data.fd=ls}; epoll_ctl(ep,EPOLL_CTL_ADD,ls,&e); static struct epoll_event ev[1024]; static uint8_t r[MAXF]; uint64_t seq=0;
  for(;;){ struct timespec ts,*tp=0; if(delay&&qh<qt){ uint64_t nw=now_ns(),due=Q[qh%qcap].due; uint64_t d=due>nw?due-nw:0; ts.tv_sec=d/1000000000; ts.tv_nsec=d%1000000000; tp=&ts; }
    int n=ready(ep,ev,1024,tp,book?&old:0); if(stop) return fclose(book)!=0;
    for(int j=0;j<n;j++){ int fd=ev[j].data.fd; if(fd==ls){ for(int k=0;k<256;k++){ int a=accept4(ls,0,0,SOCK_NONBLOCK); if(a<0) break; if(a>=cap){close(a);continue;} setsockopt(a,IPPROTO_TCP,TCP_NODELAY,&one,sizeof one); conn*c=calloc(1,sizeof*c); c->fd=a; c->gen=++gen; c->in=malloc(4096<INCAP?INCAP:4096); C[a]=c; e.events=EPOLLIN; e.data.fd=a; epoll_ctl(ep,EPOLL_CTL_ADD,a,&e);} continue; }
      conn*c=C[fd]; if(!c) continue; if(ev[j].events&EPOLLOUT){ if(flushc(c)){ drop(c); continue; } }
      if(!(ev[j].events&(EPOLLIN|EPOLLHUP|EPOLLERR))) continue;
      ssize_t g=recv(fd,c->in+c->inlen,INCAP-c->inlen,0); if(g<=0){ if(g<0&&errno==EAGAIN) continue; drop(c); continue; } c->inlen+=g; int p=0;
      while(c->inlen-p>=2){ int L=c->in[p]<<8|c->in[p+1]; if(c->inlen-p<2+L) break; const uint8_t*b=c->in+p+2; int k=respond(b,L,r); p+=2+L; if(!k) continue; seq++; int silent=drop_every&&seq%drop_every==0; if(book) enter(b,L,r,k,!silent); if(silent) continue; total++;
        if(!delay) app(c,r,k); else { if(qt-qh==qcap){ dly*q=malloc(qcap*2*sizeof*q); for(uint64_t i=qh;i<qt;i++) q[i%(qcap*2)]=Q[i%qcap]; free(Q); Q=q; qcap*=2; } dly*q=&Q[qt++%qcap]; q->due=now_ns()+delay*1000ull; q->fd=fd; q->gen=c->gen; q->len=k>560?560:k; memcpy(q->d,r,q->len); } }
      c->inlen-=p; if(c->inlen) memmove(c->in,c->in+p,c->inlen); }
    if(delay){ uint64_t nw=now_ns(); while(qh<qt&&Q[qh%qcap].due<=nw){ dly*q=&Q[qh++%qcap]; conn*c=C[q->fd]; if(c&&c->gen==q->gen) app(c,q->d,q->len); } }
    for(int i=0;i<ndirty;i++){ conn*c=C[dirty[i]]; if(!c||!c->dirty) continue; c->dirty=0; if(!c->want_out&&flushc(c)) drop(c); } ndirty=0; } }
